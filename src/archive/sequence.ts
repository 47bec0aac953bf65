import type { Database, DbClient } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";
import { tableName } from "./manifest.ts";
import type { MatchedTable } from "./shape.ts";

/** What a sequence has to be beyond. */
interface Wanted {
  readonly sequence: string;
  readonly table: string;
  readonly highest: string;
}

function wantedOf(tables: readonly MatchedTable[]): Wanted[] {
  return tables.flatMap(({ archived, live }) =>
    live.columns.flatMap(({ name, sequence }) => {
      const highest = archived.maxima[name];
      return sequence === null || highest === undefined ? [] : { sequence, highest, table: tableName(archived) };
    }),
  );
}

async function withOwner(database: Database, tables: readonly MatchedTable[], work: WorkWithSequences): Promise<void> {
  const wanted = wantedOf(tables);
  if (wanted.length === 0) return;
  const owner = await database.connectOwner();
  try {
    for (const one of wanted) await work(owner, one);
  } finally {
    await owner.end();
  }
}

type WorkWithSequences = (owner: DbClient, wanted: Wanted) => Promise<void>;

/**
 * All tenants of a database draw from the same sequences, and one that is used up ends their inserts: so no archive may take more
 * than half of what is left of one. Before anything is written.
 * @throws RowhouseError archiveSchema
 */
export function assertSequences(database: Database, tables: readonly MatchedTable[]): Promise<void> {
  return withOwner(database, tables, async (owner, { sequence, table, highest }) => {
    const { rowCount } = await owner.query(
      `select from ${sequence}, pg_sequence s
       where s.seqrelid = $1::regclass and s.seqincrement > 0 and $2::numeric > last_value
         and s.seqmax - $2::numeric < (s.seqmax - last_value) / 2.0`,
      [sequence, highest],
    );
    if (rowCount === 0) return;
    throw new RowhouseError("archiveSchema", {
      message: `${table} has a row numbered ${highest}, which would use up the sequence ${sequence} for every tenant`,
      hint: "Give the rows other numbers where the archive was taken from, and export again. Nothing was written.",
    });
  });
}

/**
 * Moves each sequence that feeds a column beyond the highest value that the archive brought, so that the next row gets a free
 * number. Never back: all tenants of a database draw from the same sequences. setval() is the owner's alone.
 */
export function raiseSequences(database: Database, tables: readonly MatchedTable[]): Promise<void> {
  return withOwner(database, tables, async (owner, { sequence, highest }) => {
    await owner.query(
      `select setval($1::regclass, $2::bigint) from ${sequence}
       where last_value < $2::bigint or (last_value = $2::bigint and not is_called)`,
      [sequence, highest],
    );
  });
}
