import type { Command } from "commander";
import { createTenant } from "../../tenant/create.ts";
import { act, addExamples } from "../action.ts";
import { addressOf } from "../address.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

interface CreateOptions {
  readonly name?: string;
  readonly adminEmail?: string;
  readonly ifNotExists?: boolean;
}

async function create(out: Output, options: CreateOptions, slug: string): Promise<void> {
  await using session = await openSession("tenant create");
  const { name = slug, adminEmail, ifNotExists } = options;
  const wanted = { slug, name, adminEmail, ifNotExists };
  const { tenant, created } = await createTenant(session.platform, session.database.keyring, wanted, session.actor);
  const url = addressOf(session.config, tenant.slug);
  out.answer({ ...tenant, url, created }, `${tenant.slug}  ${url}`);
  out.talk(created ? `Created ${tenant.name}. Next: rowhouse token ${tenant.slug} --role admin` : `${tenant.slug} exists; nothing was changed.`);
}

export function registerCreate(group: Command): void {
  const command = group
    .command("create <slug>")
    .description("make a tenant, its address, its settings and its first user, all or nothing")
    .option("--name <name>", "name for people (default: the slug)")
    .option("--admin-email <address>", "first user, with the membership role owner")
    .option("--if-not-exists", "take a tenant of this slug as it is")
    .action(act<CreateOptions, [string]>(create));
  addExamples(command, [
    ["rowhouse tenant create acme --name 'Acme Corp' --admin-email ann@acme.example", "served at http://acme.localhost:3000"],
    ["rowhouse tenant create acme --if-not-exists --json", "for scripts that run more than once"],
  ]);
}
