import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { findTenant } from "./change.ts";
import { lookUpTxt } from "./dns.ts";
import { CHALLENGE_PREFIX } from "./domains.ts";

/** What became of the proof of a custom domain that is served. */
export interface DomainProof {
  readonly name: string;
  /** Slug of the tenant. */
  readonly tenant: string;
  /** `unknown`: DNS could not be asked, which proves nothing either way. */
  readonly state: "stands" | "lost" | "unknown";
  /** Why it does not stand. */
  readonly details: string | null;
  /** Whether the tenant is served there no more. */
  readonly removed: boolean;
}

export interface RecheckOptions {
  /** Of one tenant; all tenants' when left out. */
  readonly slug?: string | undefined;
  /** Resolvers to ask, `address` or `address:port`; the system's when left out. */
  readonly servers?: readonly string[] | undefined;
  /** Gives up the domains whose proof is lost. */
  readonly remove?: boolean | undefined;
}

interface Proved {
  readonly name: string;
  readonly tenantId: string;
  readonly tenant: string;
  readonly challenge: string;
}

async function lookAgain({ name, challenge }: Proved, servers: RecheckOptions["servers"]) {
  const { values, problem, isAnswered } = await lookUpTxt(CHALLENGE_PREFIX + name, servers);
  if (values.includes(challenge)) return { state: "stands", details: null } as const;
  return {
    state: isAnswered ? "lost" : "unknown",
    details: problem ?? `TXT ${CHALLENGE_PREFIX}${name} has another value`,
  } as const;
}

/** Unless it was claimed anew meanwhile. It cools down as one that its tenant gave up (platform.cool_domain()). */
async function giveUp(pool: ConnectionPool, { name, tenantId, challenge }: Proved, actor: string): Promise<boolean> {
  const { rowCount } = await inPlatformTransaction(pool, actor, (client) =>
    client.query("delete from platform.domains where name = $1 and tenant_id = $2 and challenge = $3", [
      name,
      tenantId,
      challenge,
    ]),
  );
  return rowCount === 1;
}

/**
 * Looks once more for the proof of every custom domain that is served. A domain that has changed hands must not go on leading to the
 * tenant of its former owner (threats.md, H10). One that an operator vouched for has no proof to look for.
 * @returns by name
 * @throws RowhouseError tenantUnknown
 */
export async function recheckDomains(
  pool: ConnectionPool,
  actor: string,
  { slug, servers, remove = false }: RecheckOptions = {},
): Promise<DomainProof[]> {
  const tenant = slug === undefined ? null : await findTenant(pool, slug);
  const domains = await queryRows<Proved>(pool, {
    text: `select d.name, d.tenant_id as "tenantId", t.slug as tenant, d.challenge
      from platform.domains d join platform.tenants t on t.id = d.tenant_id
      where d.kind = 'custom' and d.verified_at is not null and d.challenge is not null and ($1::uuid is null or d.tenant_id = $1)
      order by d.name`,
    values: [tenant?.id ?? null],
  });
  const proofs: DomainProof[] = [];
  for (const domain of domains) {
    const found = await lookAgain(domain, servers);
    const removed = remove && found.state === "lost" && (await giveUp(pool, domain, actor));
    proofs.push({ name: domain.name, tenant: domain.tenant, ...found, removed });
  }
  return proofs;
}
