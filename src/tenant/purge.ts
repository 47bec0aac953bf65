import type { Database, DbClient } from "../db/connections.ts";
import { makeScope } from "../db/scope.ts";
import { readTenantTables, type TenantTable } from "../db/tables.ts";
import { enterScope, inTransaction, isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { TableCount } from "./delete.ts";
import type { Tenant } from "./tenant.ts";

export interface PurgeOptions {
  /** `table` or `schema.table`; all tables with `deleted_at` when left out. */
  readonly table?: string | undefined;
  /** Rows that were deleted longer ago than this many seconds. */
  readonly olderThanSeconds: number;
  /** Counts, and removes nothing. */
  readonly isDry: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: TableCount) => void;
}

export interface Purge {
  /** ISO 8601, by the clock of the database: what was deleted before. */
  readonly before: string;
  readonly tables: readonly TableCount[];
}

/** Few enough that no request waits long for a row of them. */
const BATCH = 1000;

const MARKED = `
  select format('%I.%I', n.nspname, c.relname) as identifier
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  where a.attname = 'deleted_at' and a.atttypid = 'timestamptz'::regtype and not a.attisdropped and a.attgenerated = '' and not a.attnotnull
    and n.nspname in (select platform.app_schemas())`;

const CUTOFF = `select to_char((now() - make_interval(secs => $1)) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as before`;

/** Those that keep their deleted rows, children before parents. @throws RowhouseError purgeUnknown for one that is named and does not */
async function chooseTables(client: DbClient, wanted: string | undefined): Promise<TenantTable[]> {
  const { rows } = await client.query<{ identifier: string }>(MARKED);
  const marked = new Set(rows.map(({ identifier }) => identifier));
  const all = (await readTenantTables(client)).filter(({ identifier }) => marked.has(identifier)).toReversed();
  const isWanted = ({ schema, name }: TenantTable) =>
    wanted === undefined || wanted === name || wanted === `${schema}.${name}`;
  const chosen = all.filter(isWanted);
  if (chosen.length > 0 || wanted === undefined) return chosen;
  throw new RowhouseError("purgeUnknown", {
    message: `There is no table ${wanted} with a column deleted_at (timestamptz)`,
    hint: all.length === 0 ? undefined : `There are: ${all.map(({ schema, name }) => `${schema}.${name}`).join(", ")}`,
  });
}

function refuseReferenced(table: string, cause: { detail?: string | undefined }): RowhouseError {
  return new RowhouseError("purgeBlocked", {
    message: `Rows of ${table} can't be removed: others still point at them`,
    details: cause.detail,
    hint: "Purge those first, or let their foreign key say what is to become of them (on delete cascade, on delete set null (column)).",
  });
}

function deletion({ identifier, primaryKey }: TenantTable): string {
  const key = primaryKey.join(", ");
  return `delete from ${identifier} where tenant_id = $1 and (${key}) in (
    select ${key} from ${identifier} where tenant_id = $1 and deleted_at < $2 order by deleted_at limit ${BATCH})`;
}

/** One table, a batch a transaction. */
async function purgeTable(
  client: DbClient,
  table: TenantTable,
  before: string,
  work: <T>(write: () => Promise<T>) => Promise<T>,
  { isDry, signal, onProgress }: PurgeOptions,
  tenantId: string,
): Promise<TableCount> {
  const name = `${table.schema}.${table.name}`;
  if (isDry) {
    const text = `select count(*) from ${table.identifier} where tenant_id = $1 and deleted_at < $2`;
    const { rows } = await work(() => client.query<{ count: string }>(text, [tenantId, before]));
    return { table: name, rows: Number(rows[0]?.count) };
  }
  for (let rows = 0; ;) {
    signal.throwIfAborted();
    const removed = await work(() => client.query(deletion(table), [tenantId, before])).catch((error: unknown) => {
      throw isDatabaseError(error) && error.code === "23503" ? refuseReferenced(name, error) : error;
    });
    rows += removed.rowCount ?? 0;
    onProgress?.({ table: name, rows });
    if ((removed.rowCount ?? 0) < BATCH) return { table: name, rows };
  }
}

/**
 * Removes for good what was deleted long enough ago, in the database where the tenant lives. What is removed stays so when it ends before
 * its time.
 * @throws RowhouseError purgeUnknown, purgeBlocked, tenantMoved, tenantFenced
 */
export async function purgeTenant(database: Database, tenant: Tenant, options: PurgeOptions): Promise<Purge> {
  const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:purge", role: "owner" };
  const scope = makeScope(facts, database.keyring);
  const client = await database.connect("rowhouse_platform");
  const work = <T>(write: () => Promise<T>) =>
    inTransaction(client, async () => {
      await enterScope(client, scope, options.isDry ? "read" : "write");
      return write();
    });
  try {
    const { rows } = await client.query<{ before: string }>(CUTOFF, [options.olderThanSeconds]);
    const before = rows[0]!.before;
    const tables: TableCount[] = [];
    for (const table of await chooseTables(client, options.table))
      tables.push(await purgeTable(client, table, before, work, options, tenant.id));
    return { before, tables };
  } finally {
    await client.end();
  }
}
