import type pg from "pg";
import type { Operation } from "./load.ts";

/** What is in a database of what the clients wrote. */
export interface Written {
  /** Rows by the key that an insert gave them. */
  readonly rows: ReadonlyMap<string, { readonly count: number; readonly version: number }>;
}

export interface Verdict {
  readonly acked: number;
  readonly failed: number;
  readonly unknown: number;
  /** Acknowledged, and not there. */
  readonly lost: readonly Operation[];
  /** There more often than asked for, or in two databases. */
  readonly doubled: readonly string[];
  /** There although it was refused, or never asked for. */
  readonly wrong: readonly string[];
}

/** Rows of the tenant that {@link startLoad} may have written, past row-level security. */
export async function readWritten(admin: pg.Client, tenantId: string): Promise<Written> {
  const { rows } = await admin.query<{ key: string; count: number; version: number }>(
    `select vendor as key, count(*)::int as count, 0 as version from app.expenses
       where tenant_id = $1 and vendor ~ '^[0-9a-f]{8}-' group by vendor
     union all select number, 1, name::int from app.customers where tenant_id = $1 and number ~ '^[0-9a-f]{8}-'`,
    [tenantId],
  );
  return { rows: new Map(rows.map(({ key, count, version }) => [key, { count, version }])) };
}

function judgeRow(history: readonly Operation[], there: { count: number; version: number } | undefined) {
  const insert = history.find(({ kind }) => kind === "insert");
  const updates = history.filter(({ kind }) => kind === "update");
  const lost: Operation[] = [];
  const wrong: string[] = [];
  const key = history[0]!.key;
  if (there === undefined) return { lost: history.filter(({ outcome }) => outcome === "acked"), wrong };
  if (insert === undefined || insert.outcome === "failed") wrong.push(`${key} was refused, and is there`);
  // Versions are written one after the other: the last acknowledged one, or one after it whose answer never came.
  const acked = Math.max(0, ...updates.filter(({ outcome }) => outcome === "acked").map(({ version }) => version));
  const possible = new Set([
    acked,
    ...updates.filter(({ outcome }) => outcome === "unknown").map(({ version }) => version),
  ]);
  if (there.version < acked)
    lost.push(...updates.filter((update) => update.outcome === "acked" && update.version > there.version));
  else if (!possible.has(there.version))
    wrong.push(`${key} has version ${there.version}, which was refused or never asked for`);
  return { lost, wrong };
}

/**
 * Holds what the clients were told against what is there. Pure.
 * @param home of the database in which the tenant lives
 * @param elsewhere of the others, which must hold nothing of it
 */
export function judge(operations: readonly Operation[], home: Written, elsewhere: readonly Written[]): Verdict {
  const byKey = Map.groupBy(operations, ({ key }) => key);
  const judged = [...byKey].map(([key, history]) => judgeRow(history, home.rows.get(key)));
  const count = (outcome: Operation["outcome"]) =>
    operations.filter((operation) => operation.outcome === outcome).length;
  return {
    acked: count("acked"),
    failed: count("failed"),
    unknown: count("unknown"),
    lost: judged.flatMap(({ lost }) => lost),
    doubled: [
      ...[...home.rows].filter(([, { count: times }]) => times > 1).map(([key]) => key),
      ...elsewhere.flatMap(({ rows }) => [...rows.keys()].map((key) => `${key} elsewhere`)),
    ],
    wrong: [
      ...judged.flatMap(({ wrong }) => wrong),
      ...[...home.rows.keys()].filter((key) => !byKey.has(key)).map((key) => `${key} was never asked for`),
    ],
  };
}
