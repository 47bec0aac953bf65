import type { ConnectionPool, DbClient } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import { makeScope } from "../db/scope.ts";
import { readTenantTables, type TenantTable } from "../db/tables.ts";
import { enterScope, inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { findTenant } from "./change.ts";
import { TENANT_COLUMNS, type Tenant } from "./tenant.ts";

export interface TableCount {
  /** `schema.table` */
  readonly table: string;
  readonly rows: number;
}

/** What a deletion removed. */
export interface Erasure {
  readonly tenant: Tenant;
  /** ISO 8601, by the clock of the database. */
  readonly at: string;
  /** Rows of the tenant, children before parents as they went, in the order of the tables. */
  readonly tables: readonly TableCount[];
  /** Rows about it in the control plane: its addresses, its token secret, its entry. */
  readonly platform: readonly TableCount[];
  /** Tables beyond the app's schemas and `tenant` that have a tenant_id: Rowhouse neither knows nor touches them. */
  readonly outside: readonly string[];
}

/** A trigger may write into a table that was emptied already, as an audit trail does; not for ever. */
const MAX_PASSES = 3;

function scopeOf(tenant: Tenant, keyring: Keyring) {
  return makeScope({ tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:delete", role: "owner" }, keyring);
}

async function countRows(client: DbClient, tables: readonly TenantTable[]): Promise<TableCount[]> {
  const counts: TableCount[] = [];
  for (const { identifier } of tables) {
    const { rows } = await client.query<{ count: string }>(`select count(*) from ${identifier}`);
    counts.push({ table: identifier, rows: Number(rows[0]?.count) });
  }
  return counts;
}

/**
 * The tenant's rows, table by table, as row-level security shows them.
 * @throws RowhouseError tenantUnknown, tenantMoved
 */
export async function countTenantRows(pool: ConnectionPool, keyring: Keyring, slug: string): Promise<TableCount[]> {
  const tenant = await findTenant(pool, slug);
  return inPlatformTransaction(pool, "platform:count", async (client) => {
    const tables = await readTenantTables(client);
    await enterScope(client, scopeOf(tenant, keyring), "read");
    return countRows(client, tables);
  });
}

/** Rows of the control plane's tables that go with the tenant's entry. */
async function countReferences(client: DbClient, id: string): Promise<TableCount[]> {
  const { rows: tables } = await client.query<{ identifier: string; column: string }>(
    `select format('%I.%I', n.nspname, c.relname) as identifier, quote_ident(a.attname) as column
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
     where k.contype = 'f' and k.confrelid = 'platform.tenants'::regclass order by 1`,
  );
  const counts: TableCount[] = [];
  for (const { identifier, column } of tables) {
    const { rows } = await client.query<{ count: string }>(`select count(*) from ${identifier} where ${column} = $1`, [
      id,
    ]);
    counts.push({ table: identifier, rows: Number(rows[0]?.count) });
  }
  return counts;
}

async function readOutside(client: DbClient): Promise<string[]> {
  const { rows } = await client.query<{ identifier: string }>(
    `select format('%I.%I', n.nspname, c.relname) as identifier
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where a.attname = 'tenant_id' and not a.attisdropped and c.relkind in ('r', 'p', 'm', 'f')
       and n.nspname not in (select platform.tenant_schemas()) and n.nspname <> 'platform' and n.nspname !~ '^pg_' order by 1`,
  );
  return rows.map(({ identifier }) => identifier);
}

/** One statement a table, children before parents; tables that point at each other in one: keys are checked when it ends. */
function deletions(tables: readonly TenantTable[]): string[] {
  const groups: TenantTable[][] = [];
  for (const table of tables.toReversed()) {
    const last = groups.at(-1);
    if (table.circle !== undefined && last?.[0]?.circle === table.circle) last.push(table);
    else groups.push([table]);
  }
  return groups.map((group) => {
    const all = group.map(({ identifier }) => `delete from ${identifier}`);
    const together = all.slice(1).map((text, at) => `gone_${at} as (${text})`);
    return together.length === 0 ? all[0]! : `with ${together.join(", ")} ${all[0]}`;
  });
}

/** Empties the tables, children before parents, and again what triggers put back. */
async function emptyTables(client: DbClient, slug: string, tables: readonly TenantTable[]): Promise<void> {
  let left: TableCount[] = [];
  for (let pass = 1; pass <= MAX_PASSES; pass++) {
    for (const text of deletions(tables)) await client.query(text);
    left = (await countRows(client, tables)).filter(({ rows }) => rows > 0);
    if (left.length === 0) return;
  }
  throw new RowhouseError("internal", {
    message: `Rows of ${slug} are left: ${left.map(({ table, rows }) => `${table} ${rows}`).join(", ")}`,
    hint: "A trigger of the app puts them back. Nothing was deleted.",
  });
}

/** A move has rows of the tenant in two databases, and replicates between them. @throws RowhouseError moveRunning */
async function assertNoMove(client: DbClient, tenant: Tenant): Promise<void> {
  const { rowCount } = await client.query("select from platform.moves where tenant_id = $1 and finished_at is null", [
    tenant.id,
  ]);
  if (rowCount === 0) return;
  throw new RowhouseError("moveRunning", {
    message: `${tenant.slug} is being moved, or was moved a short while ago and can still be brought back`,
    hint: "Finish or abort the move first: `rowhouse moves list`. Nothing was deleted.",
  });
}

/** Everything of the tenant in the database where it lives, its entry included. */
async function eraseHere(client: DbClient, keyring: Keyring, tenant: Tenant): Promise<Erasure> {
  await client.query("select platform.lock_tenant($1)", [tenant.id]);
  await client.query("update platform.tenants set status = 'deleting', updated_at = now() where id = $1", [tenant.id]);
  const tables = await readTenantTables(client);
  const platform = await countReferences(client, tenant.id);
  await enterScope(client, scopeOf(tenant, keyring), "write");
  const removed = await countRows(client, tables);
  await emptyTables(client, tenant.slug, tables);
  const { rows, rowCount } = await client.query<{ at: string }>(
    `delete from platform.tenants where id = $1
     returning platform.time_text(now()) as at`,
    [tenant.id],
  );
  return {
    tenant,
    at: rows[0]?.at ?? "",
    tables: removed,
    platform: [...platform, { table: "platform.tenants", rows: rowCount ?? 0 }],
    outside: await readOutside(client),
  };
}

/**
 * Removes the tenant and every row of it, children before parents, in one transaction: waits for its running writes, keeps new
 * ones out, counts again at the end and takes all back when a row is left.
 * @throws RowhouseError tenantUnknown, tenantMoved, moveRunning, internal when rows are left
 */
export async function deleteTenant(
  pool: ConnectionPool,
  keyring: Keyring,
  slug: string,
  actor: string,
): Promise<Erasure> {
  const tenant = await findTenant(pool, slug);
  return inPlatformTransaction(pool, actor, async (client) => {
    await assertNoMove(client, tenant);
    return eraseHere(client, keyring, tenant);
  });
}

/**
 * {@link deleteTenant} for a tenant that lives in another database: its rows there first, then its entry in the registry. Where
 * that was interrupted, the next run finds no rows, and removes the entry.
 * @param home of the registry
 * @param there of the database that it lives in
 */
export async function deleteMovedTenant(
  home: ConnectionPool,
  there: ConnectionPool,
  keyring: Keyring,
  slug: string,
  actor: string,
): Promise<Erasure> {
  const entry = await findTenant(home, slug);
  await inPlatformTransaction(home, actor, (client) => assertNoMove(client, entry));
  const erasure = await inPlatformTransaction(there, actor, async (client) => {
    const { rows } = await client.query<Tenant>(
      `select ${TENANT_COLUMNS} from platform.tenants t where t.id = $1 and t.moved_to is null`,
      [entry.id],
    );
    return rows[0] === undefined ? null : eraseHere(client, keyring, rows[0]);
  });
  await inPlatformTransaction(home, actor, (client) =>
    client.query("delete from platform.tenants where id = $1 and moved_to is not null", [entry.id]),
  );
  return erasure ?? { tenant: entry, at: new Date().toISOString(), tables: [], platform: [], outside: [] };
}
