import { isDatabaseError } from "../db/transaction.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * Gives the planner statistics of tables that the tenant has changed by a tenth or more. That is when autovacuum would do it, too
 * (autovacuum_analyze_scale_factor), but within its minute: and until then the first queries would be planned for empty tables.
 * A table that somebody has locked is left to it.
 * @param rows of the tenant, by table
 */
export async function analyzeArrived({ owner }: Endpoint, rows: ReadonlyMap<string, number>): Promise<void> {
  await owner.query("set lock_timeout = '1s'");
  try {
    for (const [table, count] of rows) {
      if (count === 0) continue;
      const { rowCount } = await owner.query(
        "select from pg_class where oid = $1::regclass and (reltuples <= 0 or $2 >= reltuples / 10)",
        [table, count],
      );
      if (rowCount === 0) continue;
      await owner.query(`analyze ${table}`).catch((error: unknown) => {
        if (!(isDatabaseError(error) && error.code === "55P03")) throw error;
      });
    }
  } finally {
    await owner.query("set lock_timeout = 0");
  }
}
