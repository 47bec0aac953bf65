import type { Command } from "commander";
import { createRole, deleteRole } from "../../auth/roles.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

interface CreateOptions {
  readonly description?: string;
}

async function create(out: Output, { description }: CreateOptions, slug: string, name: string): Promise<void> {
  await using session = await openSession("role create");
  await using place = await openTenantDesk(session, slug);
  const role = await createRole(place.desk, place.actor, { name, ...(description !== undefined && { description }) });
  out.answer(role, role.name);
  out.talk(`It may do nothing yet: rowhouse role grant ${slug} ${role.name} <table> <verb…>`);
}

export function registerRoleCreate(group: Command): void {
  const command = group
    .command("create <tenant> <role>")
    .description("make a role, which may do nothing yet")
    .option("--description <text>", "who is to have it")
    .action(act<CreateOptions, [string, string]>(create));
  addExamples(command, [["rowhouse role create acme clerk --description 'Enters customers'", "without a permission"]]);
}

async function remove(out: Output, _options: unknown, slug: string, name: string): Promise<void> {
  await using session = await openSession("role delete");
  await using place = await openTenantDesk(session, slug);
  await deleteRole(place.desk, place.actor, name);
  out.answer({ tenant: slug, role: name, deleted: true }, `${name}  deleted`);
}

export function registerRoleDelete(group: Command): void {
  const command = group
    .command("delete <tenant> <role>")
    .description("remove a role that no user and no key has, with its permissions")
    .action(act<unknown, [string, string]>(remove));
  addExamples(command, [["rowhouse role delete acme clerk", "refused as long as somebody has it"]]);
}
