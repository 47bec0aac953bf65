import type { Receipt } from "../archive/receipt.ts";
import { formatFacts, formatTable } from "./output.ts";

/** A receipt as people read it. Pure. @param signedBy fingerprint of the key */
export function formatReceipt(
  { tenant, deletedAt, actor, database, tables, platform, kept }: Receipt,
  signedBy: string,
): string {
  const facts = formatFacts([
    ["tenant", `${tenant.slug} (${tenant.name}), ${tenant.id}`],
    ["deleted", deletedAt],
    ["by", actor],
    ["from", database],
    ["rows left", 0],
    ["signed by", signedBy],
  ]);
  const rows = [...tables, ...platform].map(({ table, rows: count }) => [table, count]);
  const notes = kept.map(({ what, why }) => `kept: ${what}: ${why}`);
  return [facts, formatTable(["TABLE", "ROWS"], rows), notes.join("\n")].join("\n\n");
}
