import type { ConnectionPool } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import { makeScope } from "../db/scope.ts";
import { readTenantTables } from "../db/tables.ts";
import { enterScope, inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { addAddress, insertTenant } from "./create.ts";
import { checkSlug } from "./slug.ts";
import { TENANT_COLUMNS, type Tenant } from "./tenant.ts";

/** A tenant to be filled by a restore. */
export interface ImportedTenant {
  readonly slug: string;
  readonly name: string;
  /** A new one when left out. */
  readonly id?: string;
}

/**
 * Makes a tenant with its address and without any row, which no request enters before {@link finishImport}.
 * @param movedTo the database that it will live in, when that is another: then this one only gets the entry
 * @throws RowhouseError slugMalformed, slugReserved, tenantExists, domainTaken
 */
export function beginImport(
  pool: ConnectionPool,
  keyring: Keyring,
  wanted: ImportedTenant,
  actor: string,
  movedTo: string | null = null,
): Promise<Tenant> {
  checkSlug(wanted.slug);
  return inPlatformTransaction(pool, actor, async (client) => {
    const tenant = await insertTenant(client, keyring, wanted, "importing", movedTo);
    if (tenant === undefined) throw new RowhouseError("tenantExists", { message: `A tenant ${wanted.slug} exists` });
    await addAddress(client, tenant);
    return tenant;
  });
}

/**
 * Lets requests in, unless the tenant is to stay suspended. A tenant that is not being imported stays as it is.
 * @param cloneOf slug of the tenant that it is a copy of, for the audit trail
 * @throws RowhouseError tenantUnknown when it is gone
 */
export function finishImport(
  pool: ConnectionPool,
  id: string,
  status: "active" | "suspended",
  actor: string,
  cloneOf?: string,
): Promise<Tenant> {
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rowCount } = await client.query(
      "update platform.tenants set status = $2, updated_at = now() where id = $1 and status = 'importing'",
      [id, status],
    );
    if (rowCount === 1 && cloneOf !== undefined) {
      await client.query(
        "insert into platform.audit_events (action, actor, tenant_id, details) values ('tenant.cloned', $1, $2, $3)",
        [actor, id, JSON.stringify({ from: cloneOf })],
      );
    }
    const { rows } = await client.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.id = $1`, [
      id,
    ]);
    if (rows[0] === undefined)
      throw new RowhouseError("tenantUnknown", { message: "The tenant was deleted while it was being restored" });
    return rows[0];
  });
}

/** Before the tenant, whose status tells the triggers of platform.domains that nobody was told of them. */
const DROP_DOMAINS = `delete from platform.domains d using platform.tenants t
  where t.id = $1 and d.tenant_id = t.id and t.status = 'importing'`;

/**
 * Takes back {@link beginImport}. Leaves the tenant where it is once it has rows or requests may enter: only what this made goes.
 * @returns whether it is gone
 */
export function dropImport(pool: ConnectionPool, keyring: Keyring, tenant: Tenant, actor: string): Promise<boolean> {
  const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: actor, role: "owner" };
  return inPlatformTransaction(pool, actor, async (client) => {
    await client.query("select platform.lock_tenant($1)", [tenant.id]);
    const tables = await readTenantTables(client);
    await enterScope(client, makeScope(facts, keyring), "write");
    for (const { identifier } of tables) {
      const { rowCount } = await client.query(`select from ${identifier} limit 1`);
      if (rowCount !== 0) return false;
    }
    await client.query(DROP_DOMAINS, [tenant.id]);
    const { rowCount } = await client.query("delete from platform.tenants where id = $1 and status = 'importing'", [
      tenant.id,
    ]);
    return rowCount === 1;
  });
}

/** Takes back {@link beginImport} of an entry alone. */
export async function dropEntry(pool: ConnectionPool, id: string, actor: string): Promise<void> {
  await inPlatformTransaction(pool, actor, async (client) => {
    await client.query(`${DROP_DOMAINS} and t.moved_to is not null`, [id]);
    await client.query("delete from platform.tenants where id = $1 and status = 'importing' and moved_to is not null", [
      id,
    ]);
  });
}
