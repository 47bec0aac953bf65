import type { DbClient } from "../db/connections.ts";
import type { TenantTable } from "../db/tables.ts";

export interface TableSize {
  readonly table: string;
  readonly rows: number;
  /** Of the tenant's rows alone, without indexes; estimated. */
  readonly bytes: number;
}

/** What a tenant has in one database. */
export interface TenantSize {
  readonly tables: readonly TableSize[];
  readonly rows: number;
  readonly bytes: number;
}

/** Up to so many rows of a table are counted; of more, the planner's estimate is as good as a plan line needs. */
const COUNTED = 10_000;
/** Rows whose width stands for that of all. */
const SAMPLE = 1000;

type Table = Pick<TenantTable, "identifier">;

async function countRows(client: DbClient, { identifier }: Table, tenantId: string): Promise<number> {
  const counted = await client.query<{ count: string }>(
    `select count(*)::text as count from (select from ${identifier} where tenant_id = $1 limit ${COUNTED}) few`,
    [tenantId],
  );
  const count = Number(counted.rows[0]!.count);
  if (count < COUNTED) return count;
  const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: { "Plan Rows": number } }] }>(
    `explain (format json) select from ${identifier} where tenant_id = $1`,
    [tenantId],
  );
  return Math.max(count, rows[0]!["QUERY PLAN"][0].Plan["Plan Rows"]);
}

async function weighRow(client: DbClient, { identifier }: Table, tenantId: string): Promise<number> {
  const { rows } = await client.query<{ width: string | null }>(
    `select avg(pg_column_size(few))::text as width from (select * from ${identifier} where tenant_id = $1 limit ${SAMPLE}) few`,
    [tenantId],
  );
  return Number(rows[0]!.width ?? 0);
}

/**
 * About how much of a tenant is in the tables: rows are exact for small tables, and by the planner's statistics for large ones;
 * bytes by the width of some rows. Reads no more than {@link COUNTED} rows of each table.
 * @param client as a role that row-level security lets pass
 */
export async function readTenantSize(
  client: DbClient,
  tables: readonly Table[],
  tenantId: string,
): Promise<TenantSize> {
  const sizes: TableSize[] = [];
  for (const table of tables) {
    const rows = await countRows(client, table, tenantId);
    const bytes = rows === 0 ? 0 : Math.round(rows * (await weighRow(client, table, tenantId)));
    sizes.push({ table: table.identifier, rows, bytes });
  }
  const sum = (pick: (size: TableSize) => number) => sizes.reduce((total, size) => total + pick(size), 0);
  return { tables: sizes, rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) };
}
