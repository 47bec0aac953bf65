import type { Command } from "commander";
import { listTenants } from "../../tenant/change.ts";
import { HOME } from "../../tenant/databases.ts";
import { originUnder } from "../../tenant/origin.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

async function list(out: Output): Promise<void> {
  await using session = await openSession("tenant list");
  const tenants = (await listTenants(session.platform)).map((tenant) => ({
    ...tenant,
    database: tenant.movedTo ?? HOME,
    url: originUnder(session.config, tenant.slug),
  }));
  const rows = tenants.map(({ slug, name, status, database, createdAt, url }) => [
    slug,
    name,
    status,
    database,
    createdAt.slice(0, 10),
    url,
  ]);
  out.answer(
    tenants,
    tenants.length === 0 ? "" : formatTable(["SLUG", "NAME", "STATUS", "DATABASE", "CREATED", "URL"], rows),
  );
  if (tenants.length === 0) out.talk("No tenants yet. Next: rowhouse tenant create acme --name 'Acme Corp'");
}

export function registerList(group: Command): void {
  const command = group.command("list").alias("ls").description("all tenants, by slug").action(act(list));
  addExamples(command, [
    ["rowhouse tenant list", "one line each"],
    ["rowhouse tenant list --json | jq -r '.[].slug'", "the slugs alone"],
  ]);
}
