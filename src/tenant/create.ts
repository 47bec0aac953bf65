import { randomUUID } from "node:crypto";
import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { sealOf, type Keyring } from "../db/keyring.ts";
import { enterStatement, makeScope } from "../db/scope.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import { inPlatformTransaction, runInside } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { profileStatement, type TenantProfile } from "./profile.ts";
import { checkSlug } from "./slug.ts";
import { TENANT_COLUMNS, type Tenant } from "./tenant.ts";

export interface NewTenant {
  readonly slug: string;
  readonly name: string;
  /** The first user, with the membership role `owner`. */
  readonly adminEmail?: string;
  /** Public setting `brand`, as the tenant's pages show it. */
  readonly brand?: Readonly<Record<string, string>>;
  /** What operators keep about it; in the registry. */
  readonly profile?: TenantProfile;
  readonly locations?: readonly NewLocation[];
  /** Run last, as the tenant, in the same transaction: what other rooms want it to begin with. */
  readonly inside?: readonly Statement[];
  /** Take the tenant of this slug when there is one. */
  readonly ifNotExists?: boolean;
  readonly id?: string;
}

/** A place of the tenant. */
export interface NewLocation {
  readonly code: string;
  readonly name: string;
  readonly address?: Readonly<Record<string, unknown>>;
}

export interface CreatedTenant {
  readonly tenant: Tenant;
  /** False when `ifNotExists` found it. */
  readonly created: boolean;
}

/** The database stays in the deployment until the transaction ends: its removal waits, or we for that. */
async function holdDatabase(client: DbClient, name: string): Promise<void> {
  const { rowCount } = await client.query("select from platform.databases where name = $1 for share", [name]);
  if (rowCount === 0) throw new RowhouseError("databaseUnknown", { message: `There is no database ${name}` });
}

/**
 * @param movedTo the database that it will live in, when that is another: then this row is the registry's entry
 * @returns undefined when the slug is taken
 * @throws RowhouseError databaseUnknown
 */
export async function insertTenant(
  client: DbClient,
  keyring: Keyring,
  wanted: Pick<NewTenant, "id" | "slug" | "name">,
  status: Tenant["status"] = "active",
  movedTo: string | null = null,
): Promise<Tenant | undefined> {
  const id = wanted.id ?? randomUUID();
  if (movedTo !== null) await holdDatabase(client, movedTo);
  const { rows } = await client.query<Tenant>(
    `insert into platform.tenants as t (id, slug, name, seal, status, moved_to) values ($1, $2, $3, $4, $5, $6)
     on conflict (slug) do nothing returning ${TENANT_COLUMNS}`,
    [id, wanted.slug, wanted.name, sealOf(keyring.tenantSecret(id)), status, movedTo],
  );
  return rows[0];
}

/** The refusal where another tenant has that slug. Pure. */
export function slugTaken(slug: string): RowhouseError {
  return new RowhouseError("tenantExists", {
    message: `A tenant ${slug} exists`,
    hint: "Choose another slug, or add --if-not-exists to take it as it is.",
  });
}

const addressStatement = ({ id, slug }: Tenant): Statement => ({
  name: "rowhouse_address",
  text: `insert into platform.domains (name, kind, tenant_id, verified_at) values ($1, 'subdomain', $2, now())
    on conflict (name) do nothing`,
  values: [slug, id],
});

/** @throws RowhouseError domainTaken */
function checkAddress({ slug }: Tenant, { rowCount }: StatementResult): void {
  if (rowCount > 0) return;
  throw new RowhouseError("domainTaken", {
    message: `The address ${slug} belongs to another tenant, which had this slug before`,
    hint: "Choose another slug, or remove the address from that tenant.",
  });
}

/** @throws RowhouseError domainTaken */
export async function addAddress(client: DbClient, tenant: Tenant): Promise<void> {
  const [added] = await runInside(client, [addressStatement(tenant)]);
  checkAddress(tenant, added!);
}

/** What a tenant begins with, to be run in its context: settings, first user, locations, and what other rooms want. */
function ownRows(
  { name: tenantName }: Tenant,
  { brand, adminEmail, locations = [], inside = [] }: NewTenant,
): Statement[] {
  const rows: Statement[] = [
    {
      name: "rowhouse_brand",
      text: "insert into tenant.settings (name, value, is_public) values ('brand', $1, true)",
      values: [JSON.stringify({ name: tenantName, ...brand })],
    },
  ];
  if (adminEmail !== undefined)
    rows.push({
      name: "rowhouse_first_user",
      text: "insert into tenant.users (email, role) values (lower($1), 'owner')",
      values: [adminEmail],
    });
  if (locations.length > 0)
    rows.push({
      name: "rowhouse_locations",
      text: `insert into tenant.locations (code, name, address)
        select l.code, l.name, coalesce(l.address, '{}') from json_to_recordset($1::json) l (code text, name text, address jsonb)`,
      values: [JSON.stringify(locations)],
    });
  return [...rows, ...inside];
}

/**
 * The address, the profile and the rows of a tenant that was inserted just now, in one round trip; the transaction is in the tenant's
 * context afterwards.
 * @throws RowhouseError domainTaken
 */
export async function fillTenant(client: DbClient, keyring: Keyring, tenant: Tenant, wanted: NewTenant): Promise<void> {
  const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:create", role: "owner" };
  const [added] = await runInside(client, [
    addressStatement(tenant),
    ...(wanted.profile === undefined ? [] : [profileStatement(tenant.id, wanted.profile)]),
    enterStatement(makeScope(facts, keyring), "write"),
    ...ownRows(tenant, wanted),
  ]);
  checkAddress(tenant, added!);
}

/**
 * {@link createTenant} inside a transaction of the control plane, which then is in the tenant's context.
 * @returns undefined when the slug is taken
 * @throws RowhouseError slugMalformed, slugReserved, domainTaken
 */
export async function makeTenant(client: DbClient, keyring: Keyring, wanted: NewTenant): Promise<Tenant | undefined> {
  checkSlug(wanted.slug);
  const tenant = await insertTenant(client, keyring, wanted);
  if (tenant === undefined) return undefined;
  await fillTenant(client, keyring, tenant, wanted);
  return tenant;
}

/**
 * Makes a tenant, its address, its settings and its first user, all or nothing.
 * @param actor who does it, for the audit trail
 * @throws RowhouseError slugMalformed, slugReserved, tenantExists, domainTaken
 */
export function createTenant(
  pool: ConnectionPool,
  keyring: Keyring,
  wanted: NewTenant,
  actor: string,
): Promise<CreatedTenant> {
  checkSlug(wanted.slug);
  return inPlatformTransaction(pool, actor, async (client) => {
    const tenant = await makeTenant(client, keyring, wanted);
    if (tenant !== undefined) return { tenant, created: true };
    const { rows } = await client.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.slug = $1`, [
      wanted.slug,
    ]);
    if (wanted.ifNotExists === true && rows[0] !== undefined) return { tenant: rows[0], created: false };
    throw slugTaken(wanted.slug);
  });
}
