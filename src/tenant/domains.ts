import { randomBytes } from "node:crypto";
import { domainToASCII } from "node:url";
import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { findTenant } from "./change.ts";
import { lookUpTxt } from "./dns.ts";
import { parseHost, type Host } from "./host.ts";

/** An address of a tenant: a label under BASE_DOMAIN, or a whole custom domain. */
export interface Domain {
  readonly name: string;
  readonly kind: "subdomain" | "custom";
  readonly tenantId: string;
  /** Slug of the tenant. */
  readonly tenant: string;
  /** Whether links in e-mails and answers lead to this address of the tenant. One at most does. */
  readonly isPrimary: boolean;
  /** ISO 8601; null while the proof is outstanding, and nothing is served at it. */
  readonly verifiedAt: string | null;
  /** The record that is to be set in DNS; null once it was found there. It is to stay: `recheckDomains` looks for it again. */
  readonly record: TxtRecord | null;
}

export interface TxtRecord {
  readonly name: string;
  readonly type: "TXT";
  readonly value: string;
}

interface DomainRow extends Omit<Domain, "record"> {
  readonly challenge: string | null;
}

/** Before the domain's name: where its proof stands in DNS. */
export const CHALLENGE_PREFIX = "_rowhouse-challenge.";
/** How long an unproved claim keeps others from the name: long enough for DNS, too short to squat on it. */
const CLAIM = "24 hours";

const COLUMNS = `d.name, d.kind, d.tenant_id as "tenantId", t.slug as tenant, d.is_primary as "isPrimary", d.challenge,
  platform.time_text(d.verified_at) as "verifiedAt"`;
const SELECT = `select ${COLUMNS} from platform.domains d join platform.tenants t on t.id = d.tenant_id`;

function toDomain({ challenge, ...row }: DomainRow): Domain {
  const isOpen = row.verifiedAt === null && challenge !== null;
  return { ...row, record: isOpen ? { name: CHALLENGE_PREFIX + row.name, type: "TXT", value: challenge } : null };
}

function malformed(domain: string, hint: string): RowhouseError {
  return new RowhouseError("domainMalformed", {
    message: `Not a domain: ${JSON.stringify(domain.slice(0, 80))}`,
    hint,
  });
}

function readHost(name: string): Host | null {
  try {
    return parseHost(name);
  } catch {
    return null;
  }
}

/**
 * A custom domain as it is stored and compared: ASCII, lower case, without the root's dot. Unicode becomes punycode (UTS 46).
 * Pure.
 * @throws RowhouseError domainMalformed
 */
export function checkDomain(domain: string, baseDomain: string): string {
  const hint = "A full domain name such as shop.example.com, without scheme, port or path.";
  // Decoding and skipping of characters is what a URL parser does, and would let other spellings through.
  // oxlint-disable-next-line no-control-regex -- ASCII but letters, digits, dot and hyphen
  if (/[\x00-\x2c\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]/.test(domain)) throw malformed(domain, hint);
  const host = readHost(domainToASCII(domain));
  if (host?.kind !== "name" || host.port !== null) throw malformed(domain, hint);
  const { name } = host;
  if (!name.includes(".") || name.length > 253 - CHALLENGE_PREFIX.length) throw malformed(domain, hint);
  if (name === baseDomain || name.endsWith(`.${baseDomain}`)) {
    throw malformed(domain, `Addresses under ${baseDomain} are given by slug: rename the tenant instead.`);
  }
  return name;
}

async function findDomain(
  client: Pick<DbClient, "query">,
  tenantId: string,
  name: string,
): Promise<DomainRow | undefined> {
  const { rows } = await client.query<DomainRow>(`${SELECT} where d.name = $1 and d.tenant_id = $2`, [name, tenantId]);
  return rows[0];
}

function unknownDomain(name: string): RowhouseError {
  return new RowhouseError("domainUnknown", {
    message: `The tenant has no domain ${name}`,
    hint: "`rowhouse domain list` shows them.",
  });
}

/** The name of an address that is there already, however it was typed. */
const typedName = (domain: string) => domainToASCII(domain).replace(/\.$/, "") || domain;

/** @throws RowhouseError domainCooling */
async function refuseCooling(client: DbClient, name: string, tenantId: string): Promise<void> {
  const { rows } = await client.query<{ until: string }>(
    `select to_char(ends_at at time zone 'utc', 'YYYY-MM-DD HH24:MI "UTC"') as until from platform.domain_cool_downs
     where name = $1 and tenant_id <> $2 and ends_at > now()`,
    [name, tenantId],
  );
  if (rows[0] === undefined) return;
  throw new RowhouseError("domainCooling", {
    message: `The domain ${name} was another tenant's a short while ago`,
    details: `It may be claimed from ${rows[0].until} on`,
    hint: "The tenant that gave it up may take it back at once.",
  });
}

/**
 * Claims a custom domain for the tenant. Nothing is served at it until {@link verifyDomain}. Each call makes a new challenge, so
 * that a record left in DNS by an earlier owner or an earlier attempt proves nothing (threats.md, H10); a domain that is
 * verified stays as it is.
 * @returns the domain, with the record to set
 * @throws RowhouseError tenantUnknown, domainMalformed, domainTaken, domainCooling
 */
export async function addDomain(
  pool: ConnectionPool,
  slug: string,
  domain: string,
  baseDomain: string,
  actor: string,
): Promise<Domain> {
  const name = checkDomain(domain, baseDomain);
  const { id } = await findTenant(pool, slug);
  return inPlatformTransaction(pool, actor, async (client) => {
    // Freed first, so that the audit trail tells whose claim lapsed.
    await client.query(
      `delete from platform.domains where name = $1 and tenant_id <> $2 and verified_at is null and created_at < now() - $3::interval`,
      [name, id, CLAIM],
    );
    await client.query(
      `insert into platform.domains as d (name, kind, tenant_id, challenge) values ($1, 'custom', $2, $3)
       on conflict (name) do update set challenge = excluded.challenge where d.tenant_id = excluded.tenant_id and d.verified_at is null`,
      [name, id, `rowhouse-challenge=${randomBytes(24).toString("base64url")}`],
    );
    // Last: a removal of this very moment has made the insert wait, and its cool-down is there now.
    await refuseCooling(client, name, id);
    const own = await findDomain(client, id, name);
    if (own !== undefined) return toDomain(own);
    throw new RowhouseError("domainTaken", {
      message: `The domain ${name} is another tenant's`,
      hint: "Only the tenant that has it can give it up. A claim that was never proved lapses after a day.",
    });
  });
}

/** @param slug of one tenant; all tenants' when left out */
export async function listDomains(pool: ConnectionPool, slug?: string): Promise<Domain[]> {
  const tenant = slug === undefined ? null : await findTenant(pool, slug);
  const { rows } = await pool.query<DomainRow>(
    `${SELECT} where $1::uuid is null or d.tenant_id = $1 order by t.slug, d.kind desc, d.name`,
    [tenant?.id ?? null],
  );
  return rows.map(toDomain);
}

/**
 * Gives up a custom domain, or the label that a renamed tenant had before. A domain that was proved is kept from all other tenants for
 * a week (platform.cool_domain(); threats.md, H10).
 * @param domain the custom domain or the label
 * @throws RowhouseError tenantUnknown, domainUnknown, domainInUse for the label that is the tenant's slug
 */
export function removeDomain(pool: ConnectionPool, slug: string, domain: string, actor: string): Promise<Domain> {
  const name = typedName(domain);
  return inPlatformTransaction(pool, actor, async (client) => {
    // A rename updates this row: it waits, or we see what it did.
    const { rows } = await client.query<{ id: string }>("select id from platform.tenants where slug = $1 for update", [
      slug,
    ]);
    if (rows[0] === undefined) throw new RowhouseError("tenantUnknown", { message: `There is no tenant ${slug}` });
    const found = await findDomain(client, rows[0].id, name);
    if (found === undefined) throw unknownDomain(name);
    if (name === slug) {
      throw new RowhouseError("domainInUse", {
        message: `${name} is the tenant's slug`,
        hint: "Rename the tenant first.",
      });
    }
    await client.query("delete from platform.domains where name = $1 and tenant_id = $2", [name, rows[0].id]);
    return toDomain({ ...found, challenge: null });
  });
}

export interface VerifyOptions {
  /** Resolvers to ask, `address` or `address:port`; the system's when left out. */
  readonly servers?: readonly string[];
  /** The operator vouches for the domain, and DNS is not asked: for machines without one. */
  readonly trusted?: boolean;
}

async function proveDomain(domain: Domain, servers: readonly string[] | undefined): Promise<void> {
  const { name, value } = domain.record!;
  const { values, problem } = await lookUpTxt(name, servers);
  if (values.includes(value)) return;
  throw new RowhouseError("domainUnverified", {
    message: `The proof for ${domain.name} was not found in DNS`,
    details: problem ?? `TXT ${name} is ${values.map((found) => JSON.stringify(found.slice(0, 100))).join(", ")}`,
    hint: `Set the TXT record ${name} to ${value}, wait for it to spread, and try again.`,
  });
}

/**
 * Serves the tenant at the domain from now on, once the challenge stands in DNS.
 * @throws RowhouseError tenantUnknown, domainUnknown, domainUnverified
 */
export async function verifyDomain(
  pool: ConnectionPool,
  slug: string,
  domain: string,
  actor: string,
  options: VerifyOptions = {},
): Promise<Domain> {
  const { id } = await findTenant(pool, slug);
  const name = typedName(domain);
  const claim = await findDomain(pool, id, name);
  if (claim === undefined) throw unknownDomain(name);
  if (claim.verifiedAt !== null) return toDomain(claim);
  if (options.trusted !== true) await proveDomain(toDomain(claim), options.servers);
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rowCount } = await client.query(
      // Without a proof in DNS there is none to look for again.
      `update platform.domains set verified_at = now(), challenge = case when $4 then null else challenge end
       where name = $1 and tenant_id = $2 and challenge = $3 and verified_at is null`,
      [name, id, claim.challenge, options.trusted === true],
    );
    const now = await findDomain(client, id, name);
    if (now === undefined) throw unknownDomain(name);
    if (rowCount === 1 || now.verifiedAt !== null) return toDomain(now);
    throw new RowhouseError("domainUnverified", {
      message: `${name} was claimed anew while it was verified`,
      hint: "Set the new record and try again.",
    });
  });
}

/**
 * Makes an address of the tenant the one that links lead to.
 * @param domain a verified custom domain, or a label of the tenant
 * @throws RowhouseError tenantUnknown, domainUnknown, domainUnverified
 */
export async function setPrimaryDomain(
  pool: ConnectionPool,
  slug: string,
  domain: string,
  actor: string,
): Promise<Domain> {
  const { id } = await findTenant(pool, slug);
  const name = typedName(domain);
  return inPlatformTransaction(pool, actor, async (client) => {
    // The tenant's row is locked, so that of two at once the later one counts.
    await client.query("select from platform.tenants where id = $1 for update", [id]);
    const found = await findDomain(client, id, name);
    if (found === undefined) throw unknownDomain(name);
    if (found.verifiedAt === null)
      throw new RowhouseError("domainUnverified", { hint: `\`rowhouse domain verify ${slug} ${name}\` first.` });
    await client.query(
      "update platform.domains set is_primary = false where tenant_id = $1 and is_primary and name <> $2",
      [id, name],
    );
    await client.query("update platform.domains set is_primary = true where tenant_id = $1 and name = $2", [id, name]);
    return toDomain({ ...found, isPrimary: true });
  });
}

/** Host name that links of the tenant lead to: its primary address, or else that of its slug. */
export async function primaryHost(
  client: Pick<ConnectionPool | DbClient, "query">,
  tenant: { readonly id: string; readonly slug: string },
  baseDomain: string,
): Promise<string> {
  const { rows } = await client.query<Pick<Domain, "name" | "kind">>(
    "select name, kind from platform.domains where tenant_id = $1 and is_primary",
    [tenant.id],
  );
  if (rows[0]?.kind === "custom") return rows[0].name;
  return `${rows[0]?.name ?? tenant.slug}.${baseDomain}`;
}
