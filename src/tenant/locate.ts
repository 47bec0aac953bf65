import type { ConnectionPool, Database } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";
import { findTenant } from "./change.ts";
import { findDatabase, HOME, openEntry } from "./databases.ts";
import { TENANT_COLUMNS, type Tenant } from "./tenant.ts";

/** A tenant, and the database where its rows are. */
export interface LocatedTenant {
  /** As that database has it. */
  readonly tenant: Tenant;
  readonly database: Database;
  /** Name of the database. */
  readonly place: string;
}

/**
 * Asks the registry where a tenant lives, and that database about the tenant.
 * @param home the registry's database, and connections of its rowhouse_platform
 * @throws RowhouseError tenantUnknown, databaseUnknown, configInvalid, databaseUnavailable
 */
export async function locateTenant(home: Database, pool: ConnectionPool, slug: string): Promise<LocatedTenant> {
  const tenant = await findTenant(pool, slug);
  if (tenant.movedTo === null) return { tenant, database: home, place: HOME };
  const database = openEntry(home, await findDatabase(pool, tenant.movedTo));
  const client = await database.connect("rowhouse_platform");
  try {
    const { rows } = await client.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.id = $1`, [
      tenant.id,
    ]);
    if (rows[0] !== undefined) return { tenant: rows[0], database, place: tenant.movedTo };
  } finally {
    await client.end();
  }
  throw new RowhouseError("tenantUnknown", {
    message: `The registry says that ${slug} lives in the database ${tenant.movedTo}, which does not know it`,
    hint: "`rowhouse tenant delete` removes its entry.",
  });
}
