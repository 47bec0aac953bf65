import type { Command } from "commander";
import { BUILT_IN_ROLES, findRole, listRoles, type Role } from "../../auth/roles.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

const permissionsOf = ({ permissions }: Role) =>
  permissions.map(({ table, verbs }) => `${table}=${verbs.join(",")}`).join(" ");

async function list(out: Output, _options: unknown, slug: string): Promise<void> {
  await using session = await openSession("role list");
  await using place = await openTenantDesk(session, slug);
  const roles = await listRoles(place.desk, place.actor);
  const rows = roles.map((role) => [role.name, role.users, permissionsOf(role), role.description ?? ""]);
  out.answer(roles, roles.length === 0 ? "" : formatTable(["ROLE", "USERS", "MAY", "DESCRIPTION"], rows));
  out.talk(`Built in besides: ${BUILT_IN_ROLES.join(", ")}.`);
}

export function registerRoleList(group: Command): void {
  const command = group
    .command("list <tenant>")
    .alias("ls")
    .description("roles of the tenant's own, and what each may do")
    .action(act<unknown, [string]>(list));
  addExamples(command, [["rowhouse role list acme", "by name"]]);
}

/** One line for each table. */
export function formatRole(role: Role): string {
  if (role.permissions.length === 0) return `${role.name}  may do nothing yet`;
  return formatTable(
    ["TABLE", "VERBS"],
    role.permissions.map(({ table, verbs }) => [table, verbs.join(", ")]),
  );
}

async function show(out: Output, _options: unknown, slug: string, name: string): Promise<void> {
  await using session = await openSession("role show");
  await using place = await openTenantDesk(session, slug);
  const role = await findRole(place.desk, place.actor, name);
  out.answer(role, formatRole(role));
}

export function registerRoleShow(group: Command): void {
  const command = group
    .command("show <tenant> <role>")
    .description("what a role of the tenant's own may do, by table")
    .action(act<unknown, [string, string]>(show));
  addExamples(command, [["rowhouse role show acme clerk", "its tables and verbs"]]);
}
