import type { Database } from "../db/connections.ts";
import type { MatchedTable } from "./shape.ts";

/**
 * Moves each sequence that feeds a column beyond the highest value that the archive brought, so that the next row gets a free
 * number. Never back: all tenants of a database draw from the same sequences. setval() is the owner's alone.
 */
export async function raiseSequences(database: Database, tables: readonly MatchedTable[]): Promise<void> {
  const wanted = tables.flatMap(({ archived, live }) =>
    live.columns.flatMap(({ name, sequence }) => {
      const highest = archived.maxima[name];
      return sequence === null || highest === undefined ? [] : { sequence, highest };
    }),
  );
  if (wanted.length === 0) return;
  const owner = await database.connectOwner();
  try {
    for (const { sequence, highest } of wanted) {
      await owner.query(
        `select setval($1::regclass, $2::bigint) from ${sequence}
         where last_value < $2::bigint or (last_value = $2::bigint and not is_called)`,
        [sequence, highest],
      );
    }
  } finally {
    await owner.end();
  }
}
