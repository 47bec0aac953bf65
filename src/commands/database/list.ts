import type { Command } from "commander";
import { countPlacements, listDatabases } from "../../tenant/databases.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

async function list(out: Output): Promise<void> {
  await using session = await openSession("database list");
  const counts = await countPlacements(session.platform);
  const databases = (await listDatabases(session.platform)).map(({ address, ...entry }) => ({
    ...entry,
    address: entry.secretRef === null ? session.database.address : address,
    tenants: counts.get(entry.name) ?? 0,
  }));
  const rows = databases.map(({ name, kind, address, secretRef, peer, tenants }) => [
    name,
    kind,
    address,
    secretRef ?? "DATABASE_URL",
    peer ?? "",
    tenants,
  ]);
  out.answer(databases, formatTable(["NAME", "KIND", "ADDRESS", "URL FROM", "PEER", "TENANTS"], rows));
}

export function registerListDatabases(group: Command): void {
  const command = group
    .command("list")
    .alias("ls")
    .description("the databases of this deployment, with the number of tenants in each")
    .action(act(list));
  addExamples(command, [["rowhouse database list", "where the URLs are found, and never the URLs"]]);
}
