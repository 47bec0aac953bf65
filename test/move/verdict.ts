import type pg from "pg";
import { checkHistory, type Row } from "./history.ts";
import type { LoadOperation } from "./load.ts";

export interface Verdict {
  readonly acked: number;
  readonly failed: number;
  readonly unknown: number;
  /** Acknowledged, and not there. */
  readonly lost: readonly LoadOperation[];
  /** There more often than asked for, or in a database where the tenant does not live. */
  readonly doubled: readonly string[];
  /** There although it was refused, or never asked for. */
  readonly wrong: readonly string[];
}

/** Rows of the tenant that {@link startLoad} may have written, past row-level security. */
export async function readWritten(admin: pg.Client, tenantId: string): Promise<Row[]> {
  const { rows } = await admin.query<Row>(
    `select vendor as key, 1 as version, vendor as value from app.expenses where tenant_id = $1 and vendor ~ '^[0-9a-f]{8}-'
     union all select number, split_part(name, '.', 1)::int, name from app.customers
       where tenant_id = $1 and number ~ '^[0-9a-f]{8}-'`,
    [tenantId],
  );
  return rows;
}

/**
 * Holds what the clients were told against what is there ({@link checkHistory}). Pure.
 * @param home of the database in which the tenant lives
 * @param elsewhere of the others, which must hold nothing of it
 */
export function judge(
  operations: readonly LoadOperation[],
  home: readonly Row[],
  elsewhere: readonly (readonly Row[])[],
): Verdict {
  const keys = new Set(operations.map(({ key }) => key));
  const strange = home.filter(({ key }) => !keys.has(key)).map(({ key }) => `${key} was never asked for`);
  const final = home.filter(({ key }) => keys.has(key));
  const { lost, doubled, wrong } = checkHistory({ operations, final, elsewhere: null });
  const count = (outcome: LoadOperation["outcome"]) =>
    operations.filter((operation) => operation.outcome === outcome).length;
  return {
    acked: count("acked"),
    failed: count("failed"),
    unknown: count("unknown"),
    lost: lost as LoadOperation[],
    doubled: [...doubled.map(({ key }) => key), ...elsewhere.flat().map(({ key }) => `${key} elsewhere`)],
    wrong: [...wrong.map(({ key, version }) => `${key} version ${version}`), ...strange],
  };
}
