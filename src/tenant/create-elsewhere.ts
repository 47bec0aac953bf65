import type { ConnectionPool, Database } from "../db/connections.ts";
import { askSchemaVersion, compareVersions, versionRefusal } from "../db/schema-version.ts";
import { inPlatformTransaction, isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { fillTenant, insertTenant, slugTaken, type CreatedTenant, type NewTenant } from "./create.ts";
import { findDatabase, openEntry } from "./databases.ts";
import { beginImport, dropEntry, finishImport } from "./importing.ts";
import { checkSlug } from "./slug.ts";
import type { Home } from "./spread.ts";
import { TENANT_COLUMNS, type Tenant } from "./tenant.ts";

async function findEntry(pool: ConnectionPool, slug: string): Promise<Tenant | undefined> {
  const { rows } = await pool.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.slug = $1`, [
    slug,
  ]);
  return rows[0];
}

/** The tenant's row, address, settings and first user in the database that it will live in; nothing where a run before did it. */
function settle(
  pool: ConnectionPool,
  { keyring }: Database,
  entry: Tenant,
  wanted: NewTenant,
  actor: string,
): Promise<void> {
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rows } = await client.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.id = $1`, [
      entry.id,
    ]);
    if (rows[0] !== undefined) return;
    const tenant = await insertTenant(client, keyring, { ...wanted, id: entry.id });
    if (tenant === undefined) throw slugTaken(wanted.slug);
    await fillTenant(client, keyring, tenant, wanted);
  });
}

/**
 * As createTenant, for a tenant that lives in another database from the start. It is served once both have it; where that was
 * interrupted, the same again goes on.
 * @param name of the database
 * @throws RowhouseError as createTenant; databaseUnknown, databaseVersion, databaseUnavailable, configInvalid
 */
export async function createTenantIn(
  home: Home,
  name: string,
  wanted: NewTenant,
  actor: string,
): Promise<CreatedTenant> {
  checkSlug(wanted.slug);
  const { platform } = home;
  const database = openEntry(home.database, await findDatabase(platform, name));
  const found = await findEntry(platform, wanted.slug);
  const isHalf = found?.status === "importing" && found.movedTo === name;
  if (found !== undefined && !isHalf) {
    if (wanted.ifNotExists === true) return { tenant: found, created: false };
    throw slugTaken(wanted.slug);
  }
  const there = database.openPool("rowhouse_platform", { max: 1 });
  try {
    const difference = compareVersions(await askSchemaVersion(there), await askSchemaVersion(platform));
    if (difference !== null) throw versionRefusal(name, difference);
    const entry = found ?? (await beginImport(platform, database.keyring, wanted, actor, name));
    await settle(there, database, entry, wanted, actor).catch(async (error: unknown) => {
      // Where the answer was lost, it may be there: the same again finds out.
      const isRefused =
        isDatabaseError(error) || (error instanceof RowhouseError && error.kind !== "databaseUnavailable");
      if (found === undefined && isRefused) await dropEntry(platform, entry.id, actor);
      throw error;
    });
    return { tenant: await finishImport(platform, entry.id, "active", actor), created: true };
  } finally {
    await there.end();
  }
}
