import type pg from "pg";
import { RowhouseError } from "../errors.ts";
import { readMigrationPath } from "./app-schemas.ts";
import type { MigrationFile, MigrationSet } from "./history.ts";
import { inTransaction } from "./transaction.ts";

/**
 * `create index concurrently` builds an index while the table is written to. It runs outside of a transaction, and an attempt that
 * fails leaves an index behind that nothing reads and every write has to keep up (manual, CREATE INDEX, "Building Indexes
 * Concurrently"). So it is dropped before the statement is run again: `if not exists` alone would take it for done.
 */

const NAME = String.raw`(?:"(?:[^"]|"")+"|[\w$]+)`;
const QUALIFIED = String.raw`${NAME}(?:\s*\.\s*${NAME})?`;
const CREATE = new RegExp(
  String.raw`\bcreate\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+(${NAME})\s+on\s+(?:only\s+)?(${QUALIFIED})`,
  "i",
);
/** Written so that a run after a crash, between the statement and its line in the history, would fail. */
const NOT_AGAIN = /\b(create\s+(?:unique\s+)?index\s+concurrently\s+(?!if\b)|drop\s+index\s+concurrently\s+(?!if\b))/i;

const HALF_BUILT = `select c.oid::regclass::text as index from pg_index i join pg_class c on c.oid = i.indexrelid
  where i.indrelid = to_regclass($1) and c.relname = (parse_ident($2))[1]::name and not i.indisvalid and c.relkind = 'i'`;

/** The statement without its comments, for looking only: quotes are not minded. */
const bare = (sql: string) => sql.replaceAll(/--[^\n]*|\/\*[^]*?\*\//g, " ");

/** Pure: whether no read and no write waits behind it while it waits, so that it may wait long. */
export function isConcurrent(sql: string): boolean {
  return /\b(create\s+(unique\s+)?index|drop\s+index|reindex\b[^;]*?)\s+concurrently\b/i.test(bare(sql));
}

/**
 * Pure.
 * @throws RowhouseError migrationFailed when the statement can't be run a second time
 */
export function checkRepeatable({ name }: MigrationFile, sql: string): void {
  if (!NOT_AGAIN.test(bare(sql))) return;
  throw new RowhouseError("migrationFailed", {
    message: `${name}: a migration without a transaction has to be one that can be run again`,
    hint: "Write `create index concurrently if not exists <name> on …`, and `drop index concurrently if exists <name>`.",
  });
}

/**
 * Drops what an earlier attempt of the statement left half built. Does not wait long: it locks the table.
 * @returns its name, or null when there was nothing
 */
export async function dropHalfBuilt(
  client: pg.ClientBase,
  set: MigrationSet,
  sql: string,
  lockTimeoutMs: number,
): Promise<string | null> {
  const [, index, table] = CREATE.exec(bare(sql)) ?? [];
  if (index === undefined || table === undefined) return null;
  return inTransaction(client, async () => {
    await client.query(`set local lock_timeout = ${Math.max(1, Math.round(lockTimeoutMs))}`);
    if (set.name === "app")
      await client.query(`set local search_path to ${(await readMigrationPath(client)).join(", ")}`);
    const { rows } = await client.query<{ index: string }>(HALF_BUILT, [table, index]);
    if (rows[0] === undefined) return null;
    await client.query(`drop index ${rows[0].index}`); // as regclass prints it: quoted, and qualified where needed
    return rows[0].index;
  });
}
