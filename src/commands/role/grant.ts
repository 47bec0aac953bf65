import type { Command } from "commander";
import { grantPermission, revokePermission } from "../../auth/roles.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";
import { formatRole } from "./list.ts";

const changing = (command: string, change: typeof grantPermission) =>
  act<unknown, [string, string, string, string]>(async (out: Output, _options, slug, name, table, verbs) => {
    await using session = await openSession(command);
    await using place = await openTenantDesk(session, slug);
    const role = await change(place.desk, place.actor, name, { table, verbs: verbs.split(",") });
    out.answer(role, formatRole(role));
  });

export function registerRoleGrant(group: Command): void {
  const command = group
    .command("grant <tenant> <role> <table> <verbs>")
    .description("let a role of the tenant's own do something with a table, from its next request on")
    .action(changing("role grant", grantPermission));
  addExamples(command, [
    ["rowhouse role grant acme clerk customers select,insert", "a change or a delete takes select as well"],
    ["rowhouse role grant acme auditor '*' select", "every table of the app, those to come as well"],
  ]);
}

export function registerRoleRevoke(group: Command): void {
  const command = group
    .command("revoke <tenant> <role> <table> <verbs>")
    .description("take a permission back, from the role's next request on")
    .action(changing("role revoke", revokePermission));
  addExamples(command, [["rowhouse role revoke acme clerk customers insert", "what is left is printed"]]);
}
