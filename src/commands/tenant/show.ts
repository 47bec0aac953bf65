import type { Command } from "commander";
import { countTenantRows } from "../../tenant/delete.ts";
import { locateTenant } from "../../tenant/locate.ts";
import { originUnder } from "../../tenant/origin.ts";
import { act, addExamples } from "../action.ts";
import { formatFacts, formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

async function show(out: Output, _options: unknown, slug: string): Promise<void> {
  await using session = await openSession("tenant show");
  const { tenant, database, place } = await locateTenant(session.database, session.platform, slug);
  const pool = database.openPool("rowhouse_platform", { max: 1 });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => pool.end());
  const tables = await countTenantRows(pool, database.keyring, tenant.slug);
  const url = originUnder(session.config, tenant.slug);
  const { id, name, status, epoch, createdAt } = tenant;
  const facts = formatFacts([
    ["slug", slug],
    ["name", name],
    ["status", status],
    ["url", url],
    ["database", place],
    ["id", id],
    ["epoch", epoch],
    ["created", createdAt],
  ]);
  const counts = formatTable(
    ["TABLE", "ROWS"],
    tables.map(({ table, rows }) => [table, rows]),
  );
  out.answer({ ...tenant, database: place, url, tables }, `${facts}\n\n${counts}`);
}

export function registerShow(group: Command): void {
  const command = group
    .command("show <slug>")
    .description("one tenant, with its rows table by table")
    .action(act<unknown, [string]>(show));
  addExamples(command, [
    ["rowhouse tenant show acme", "name, status, address, rows"],
    ["rowhouse tenant show acme --json", "the same for a program"],
  ]);
}
