import type { ConnectionPool, DbClient } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import { makeScope } from "../db/scope.ts";
import { readTenantTables, type TenantTable } from "../db/tables.ts";
import { enterScope, inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { findTenant } from "./change.ts";
import type { Tenant } from "./tenant.ts";

export interface TableCount {
  /** `schema.table` */
  readonly table: string;
  readonly rows: number;
}

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
 * @throws RowhouseError tenantUnknown
 */
export async function countTenantRows(pool: ConnectionPool, keyring: Keyring, slug: string): Promise<TableCount[]> {
  const tenant = await findTenant(pool, slug);
  return inPlatformTransaction(pool, "platform:count", async (client) => {
    const tables = await readTenantTables(client);
    await enterScope(client, scopeOf(tenant, keyring), "read");
    return countRows(client, tables);
  });
}

/**
 * Removes the tenant and every row of it, children before parents, in one transaction: waits for its running writes, keeps new
 * ones out, counts again at the end and takes all back when a row is left.
 * @returns the rows removed, table by table
 * @throws RowhouseError tenantUnknown, internal when rows are left
 */
export async function deleteTenant(
  pool: ConnectionPool,
  keyring: Keyring,
  slug: string,
  actor: string,
): Promise<TableCount[]> {
  const tenant = await findTenant(pool, slug);
  return inPlatformTransaction(pool, actor, async (client) => {
    await client.query("select platform.lock_tenant($1)", [tenant.id]);
    await client.query("update platform.tenants set status = 'deleting', updated_at = now() where id = $1", [
      tenant.id,
    ]);
    const tables = await readTenantTables(client);
    await enterScope(client, scopeOf(tenant, keyring), "write");
    const removed = await countRows(client, tables);
    for (const { identifier } of tables.toReversed()) await client.query(`delete from ${identifier}`);
    const left = (await countRows(client, tables)).filter(({ rows }) => rows > 0);
    if (left.length > 0) {
      throw new RowhouseError("internal", {
        message: `Rows of ${slug} are left: ${left.map(({ table, rows }) => `${table} ${rows}`).join(", ")}`,
        hint: "A trigger of the app puts them back. Nothing was deleted.",
      });
    }
    await client.query("delete from platform.tenants where id = $1", [tenant.id]);
    return removed;
  });
}
