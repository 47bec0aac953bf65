import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { UUID } from "../db/uuid.ts";
import { openLookup, type LookupOptions } from "./lookup.ts";
import { TENANT_COLUMNS, type Tenant } from "./tenant.ts";

/**
 * Which tenants exist and at which addresses, from memory where it can. A cache for choosing a tenant and for an early refusal;
 * nothing is allowed because of it, since `platform.enter()` reads the row itself.
 */
export interface Registry {
  bySlug(slug: string): Promise<Tenant | undefined>;
  /** @param id uuid, in any case */
  byId(id: string): Promise<Tenant | undefined>;
  /** By label under BASE_DOMAIN: the slug, or one that the tenant had before it was renamed. */
  bySubdomain(label: string): Promise<Tenant | undefined>;
  /** By a whole host name that the tenant proved to be its own. */
  byCustomDomain(name: string): Promise<Tenant | undefined>;
  /** What the two before answer where it is remembered, at once; undefined where it has to be asked for. */
  knownSubdomain(label: string): Tenant | undefined;
  knownCustomDomain(name: string): Tenant | undefined;
  /** Verified custom domains, in order. */
  domainsOf(tenantId: string): Promise<readonly string[]>;
  /** Something about the tenant has changed: `rowhouse_tenants` was notified with its id. */
  invalidate(tenantId: string): void;
  /** Notifications may have been missed. */
  clear(): void;
}

interface Entry {
  readonly tenant: Tenant;
  readonly domains: readonly string[];
}

const KEYS = {
  id: "t.id = $1",
  slug: "t.slug = $1",
  subdomain: "t.id = (select d.tenant_id from platform.domains d where d.name = $1 and d.kind = 'subdomain')",
  custom:
    "t.id = (select d.tenant_id from platform.domains d where d.name = $1 and d.kind = 'custom' and d.verified_at is not null)",
} as const;
type Key = keyof typeof KEYS;

const DEFAULTS: LookupOptions = { max: 20_000, ttlMs: 5000, missMs: 1000 };

const selectText = (key: Key) => `
  select ${TENANT_COLUMNS}, array(
    select d.name from platform.domains d
    where d.tenant_id = t.id and d.kind = 'custom' and d.verified_at is not null order by d.name) as domains
  from platform.tenants t where ${KEYS[key]}`;

async function findEntry(pool: ConnectionPool, key: Key, value: string): Promise<Entry | undefined> {
  const query = { name: `rowhouse_registry_${key}`, text: selectText(key), values: [value] };
  const rows = await queryRows<Tenant & { domains: string[] }>(pool, query);
  if (rows[0] === undefined) return undefined;
  const { domains, ...tenant } = rows[0];
  return { tenant: Object.freeze(tenant), domains: Object.freeze(domains) };
}

/** @param pool connections of rowhouse_platform */
export function openRegistry(pool: ConnectionPool, options: Partial<LookupOptions> = {}): Registry {
  const entries = openLookup<Entry>(
    (key) => {
      const colon = key.indexOf(":");
      return findEntry(pool, key.slice(0, colon) as Key, key.slice(colon + 1));
    },
    { ...DEFAULTS, ...options },
  );
  const entryOf = (id: string) => (UUID.test(id) ? entries.get(`id:${id.toLowerCase()}`) : undefined);
  return {
    byId: async (id) => (await entryOf(id))?.tenant,
    bySlug: async (slug) => (await entries.get(`slug:${slug}`))?.tenant,
    bySubdomain: async (label) => (await entries.get(`subdomain:${label}`))?.tenant,
    byCustomDomain: async (name) => (await entries.get(`custom:${name}`))?.tenant,
    knownSubdomain: (label) => entries.known(`subdomain:${label}`)?.tenant,
    knownCustomDomain: (name) => entries.known(`custom:${name}`)?.tenant,
    domainsOf: async (id) => (await entryOf(id))?.domains ?? [],
    // An address that is new to the tenant was remembered as nobody's, or as another tenant's, which was notified as well.
    invalidate: (id) => entries.drop(({ tenant }) => tenant.id === id),
    clear: () => entries.clear(),
  };
}
