import type { ConnectionPool, Database, DbClient } from "../db/connections.ts";
import { inTransaction } from "../db/transaction.ts";
import { findTenant, renameTenant, setTenantStatus } from "./change.ts";
import { findDatabase, HOME, openEntry } from "./databases.ts";
import type { Tenant } from "./tenant.ts";

/** The registry's database, and connections of its rowhouse_platform. */
export interface Home {
  readonly database: Database;
  readonly platform: ConnectionPool;
}

/**
 * Databases besides the registry's whose row of the tenant counts, or is about to: where it lives, and the two ends of a move that is
 * not over. Where it lives comes first.
 */
async function otherPlaces({ platform }: Home, { id, movedTo }: Tenant): Promise<string[]> {
  const { rows } = await platform.query<{ from: string; to: string }>(
    `select from_database as "from", to_database as "to" from platform.moves where tenant_id = $1 and finished_at is null`,
    [id],
  );
  const names = new Set([movedTo ?? HOME, ...rows.flatMap(({ from, to }) => [from, to])]);
  names.delete(HOME);
  return [...names];
}

/** @throws RowhouseError databaseUnknown, configInvalid, databaseUnavailable */
async function inPlace(
  { database, platform }: Home,
  name: string,
  actor: string,
  work: (client: DbClient) => Promise<unknown>,
): Promise<void> {
  const client = await openEntry(database, await findDatabase(platform, name)).connect("rowhouse_platform");
  try {
    await inTransaction(client, async () => {
      await client.query("select platform.act_as($1)", [actor]);
      await work(client);
    });
  } finally {
    await client.end();
  }
}

/**
 * {@link setTenantStatus} wherever the tenant lives or is on its way to. The database in which it lives decides about its requests,
 * so it is told first: when that fails, nothing has changed.
 * @throws RowhouseError tenantUnknown, databaseUnavailable, configInvalid
 */
export async function spreadStatus(
  home: Home,
  slug: string,
  status: "active" | "suspended",
  actor: string,
): Promise<Tenant> {
  const tell = (name: string, { id }: Tenant) =>
    inPlace(home, name, actor, (client) =>
      client.query(
        "update platform.tenants set status = $2, updated_at = now() where id = $1 and status <> $2 and status not in ('importing', 'deleting')",
        [id, status],
      ),
    );
  const found = await findTenant(home.platform, slug);
  const told = await otherPlaces(home, found);
  for (const name of told) await tell(name, found);
  const tenant = await setTenantStatus(home.platform, slug, status, actor);
  // A move that began meanwhile may have copied the status that it had; one that begins now copies this one.
  const late = (await otherPlaces(home, tenant)).filter((name) => !told.includes(name));
  for (const name of late) await tell(name, tenant);
  return tenant;
}

/**
 * {@link renameTenant} wherever the tenant lives or is on its way to. The registry comes first, because it knows which slugs are taken.
 * Where another database can't be reached, doing it again with the new slug tells that one, too.
 * @throws RowhouseError as renameTenant does; databaseUnavailable, configInvalid
 */
export async function spreadRename(
  home: Home,
  slug: string,
  wanted: { readonly slug?: string; readonly name?: string },
  actor: string,
): Promise<Tenant> {
  const tenant = await renameTenant(home.platform, slug, wanted, actor);
  for (const name of await otherPlaces(home, tenant)) {
    await inPlace(home, name, actor, (client) =>
      client.query("update platform.tenants set slug = $2, name = $3, updated_at = now() where id = $1", [
        tenant.id,
        tenant.slug,
        tenant.name,
      ]),
    );
  }
  return tenant;
}
