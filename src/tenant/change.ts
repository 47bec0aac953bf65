import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { checkSlug } from "./slug.ts";
import { TENANT_COLUMNS, type Tenant } from "./tenant.ts";

function unknownTenant(slug: string): RowhouseError {
  return new RowhouseError("tenantUnknown", {
    message: `There is no tenant ${slug}`,
    hint: "`rowhouse tenant list` shows them.",
  });
}

/**
 * @throws RowhouseError tenantUnknown
 */
export async function findTenant(pool: ConnectionPool, slug: string): Promise<Tenant> {
  const { rows } = await pool.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.slug = $1`, [
    slug,
  ]);
  if (rows[0] === undefined) throw unknownTenant(slug);
  return rows[0];
}

/** @throws RowhouseError tenantUnknown */
export async function findTenantById(pool: ConnectionPool, id: string): Promise<Tenant> {
  const [tenant] = await queryRows<Tenant>(pool, {
    text: `select ${TENANT_COLUMNS} from platform.tenants t where t.id = $1`,
    values: [id],
  });
  if (tenant === undefined) throw unknownTenant(id);
  return tenant;
}

/** All tenants, by slug. */
export async function listTenants(pool: ConnectionPool): Promise<Tenant[]> {
  const { rows } = await pool.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t order by t.slug`);
  return rows;
}

export interface TenantFilter {
  /** Slug of the last tenant of the page before. */
  readonly after?: string;
  readonly status?: Tenant["status"];
  /** Part of the slug or the name, in any case. */
  readonly search?: string;
  readonly limit: number;
}

/** One page of the tenants, by slug. */
export function pageTenants(pool: ConnectionPool, { after, status, search, limit }: TenantFilter): Promise<Tenant[]> {
  return queryRows<Tenant>(pool, {
    text: `select ${TENANT_COLUMNS} from platform.tenants t
      where ($1::text is null or t.slug > $1) and ($2::text is null or t.status = $2)
        and ($3::text is null or position(lower($3) in t.slug) > 0 or position(lower($3) in lower(t.name)) > 0)
      order by t.slug limit $4`,
    values: [after ?? null, status ?? null, search ?? null, limit],
  });
}

/**
 * Suspends or activates. A suspended tenant's requests are refused from this commit on, whatever tokens they carry, because
 * `platform.enter()` reads the same row. Setting the status that it has is no change.
 * @throws RowhouseError tenantUnknown
 */
export function setTenantStatus(
  pool: ConnectionPool,
  slug: string,
  status: "active" | "suspended",
  actor: string,
): Promise<Tenant> {
  return inPlatformTransaction(pool, actor, async (client) => {
    await client.query(
      "update platform.tenants set status = $2, updated_at = now() where slug = $1 and status <> $2 and status not in ('importing', 'deleting')",
      [slug, status],
    );
    const { rows } = await client.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.slug = $1`, [
      slug,
    ]);
    if (rows[0] === undefined) throw unknownTenant(slug);
    return rows[0];
  });
}

/**
 * Changes the name, the slug or both. The old address stays the tenant's own, so that links go on working and nobody else can
 * take it over; `domain remove` gives it up.
 * @throws RowhouseError tenantUnknown, slugMalformed, slugReserved, tenantExists, domainTaken
 */
export function renameTenant(
  pool: ConnectionPool,
  slug: string,
  wanted: { readonly slug?: string; readonly name?: string },
  actor: string,
): Promise<Tenant> {
  if (wanted.slug !== undefined) checkSlug(wanted.slug);
  return inPlatformTransaction(pool, actor, async (client) => {
    const taken = await client.query("select from platform.tenants where slug = $1 and slug <> $2", [
      wanted.slug ?? slug,
      slug,
    ]);
    if (taken.rowCount !== 0) throw new RowhouseError("tenantExists", { message: `A tenant ${wanted.slug} exists` });
    const { rows } = await client.query<Tenant>(
      `update platform.tenants t set slug = coalesce($2, t.slug), name = coalesce($3, t.name), updated_at = now()
       where t.slug = $1 returning ${TENANT_COLUMNS}`,
      [slug, wanted.slug ?? null, wanted.name ?? null],
    );
    const tenant = rows[0];
    if (tenant === undefined) throw unknownTenant(slug);
    const address = await client.query<{ tenant_id: string }>(
      `insert into platform.domains as d (name, kind, tenant_id, verified_at) values ($1, 'subdomain', $2, now())
       on conflict (name) do update set verified_at = d.verified_at returning tenant_id`,
      [tenant.slug, tenant.id],
    );
    if (address.rows[0]?.tenant_id !== tenant.id) {
      throw new RowhouseError("domainTaken", { message: `The address ${tenant.slug} belongs to another tenant` });
    }
    return tenant;
  });
}
