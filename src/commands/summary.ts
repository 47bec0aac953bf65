import type { Manifest } from "../archive/manifest.ts";
import { formatBytes } from "./progress.ts";
import { formatTable } from "./output.ts";

export interface ArchiveTotals {
  readonly tables: number;
  readonly rows: number;
  /** Uncompressed. */
  readonly rawBytes: number;
}

/** Pure. */
export function totalsOf({ tables }: Manifest): ArchiveTotals {
  const sum = (pick: (table: Manifest["tables"][number]) => number) =>
    tables.reduce((total, table) => total + pick(table), 0);
  return { tables: tables.length, rows: sum(({ rows }) => rows), rawBytes: sum(({ rawBytes }) => rawBytes) };
}

/** One line per table: rows, bytes and the SHA-256 of its data. Pure. */
export function formatManifest({ tables }: Manifest): string {
  const rows = tables.map(({ schema, name, rows: count, rawBytes, rawSha256 }) => [
    `${schema}.${name}`,
    count,
    formatBytes(rawBytes),
    rawSha256,
  ]);
  return formatTable(["TABLE", "ROWS", "BYTES", "SHA-256"], rows);
}
