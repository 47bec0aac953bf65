import { jwtVerify, type CryptoKey } from "jose";
import { UUID } from "../db/uuid.ts";
import { ALGORITHMS, CLOCK_TOLERANCE, isAlgorithm, type Algorithm } from "./algorithms.ts";
import { checkTenantClaim, readPrincipal, refuseClaims, REQUIRED_CLAIMS, withSession } from "./claims.ts";
import type { KeySets } from "./key-sets.ts";
import type { Keyset } from "./keyset.ts";
import type { Principal } from "./principal.ts";
import { tenantIssuer, type TokenSecrets } from "./secrets.ts";
import type { TokenPolicy } from "./token.ts";
import { explainJose, readUnverified, refuseToken, type UnverifiedToken } from "./token-header.ts";
import type { TrustedIssuer, TrustedIssuers } from "./trusted-issuers.ts";
import { verifyIssued } from "./verify-issued.ts";

export interface VerifyingKeys {
  readonly keyset: Keyset;
  readonly secrets: TokenSecrets;
  readonly issuers: TrustedIssuers;
  readonly keySets: KeySets;
}

/** What verification showed. */
export interface VerifiedToken {
  readonly principal: Principal;
  /** Unix milliseconds: past this the token, or the key that signed it, is no longer accepted. */
  readonly goodUntil: number;
  /** Whether it is good for the tenant that was selected, because it names none itself. */
  readonly bySelection: boolean;
}

/** The key for a token, found by what the token says of itself and to be confirmed by its signature. */
interface Candidate {
  readonly key: CryptoKey;
  readonly issuer: string;
  readonly acceptedUntil: number;
  /** The one tenant that the key can speak for; null for any. */
  readonly tenantId: string | null;
}

const KID = /^[\w-]{1,128}$/;
/** Anything else brings a key, a place to fetch one from, or a rule to know: jku, jwk, x5u, x5c, crit (RFC 8725 3.10). */
const HEADER = new Set(["alg", "typ", "kid"]);

/** The protected header, as far as it is acceptable. Nothing in it is verified yet. */
function checkHeader({ alg, type, kid, parameters }: UnverifiedToken): { alg: Algorithm; kid: string | undefined } {
  if (!parameters.every((name) => HEADER.has(name)))
    throw refuseToken("The token's header carries a parameter that is not accepted");
  if (!isAlgorithm(alg)) throw refuseToken("The token's algorithm is not accepted");
  if (!ALGORITHMS[alg].types.includes(type)) throw refuseToken("The token's type is not that of an access token");
  if (kid !== undefined && (typeof kid !== "string" || !KID.test(kid)))
    throw refuseToken("The token's kid is malformed");
  return { alg, kid };
}

async function findCandidate(
  unverified: UnverifiedToken,
  keys: VerifyingKeys,
  policy: TokenPolicy,
): Promise<Candidate & { alg: Algorithm }> {
  const { alg, kid } = checkHeader(unverified);
  const noKey = "No suitable key or wrong key type";
  if (ALGORITHMS[alg].signer === "tenant") {
    // The signature then shows whether the claim is true.
    const tenantId = checkTenantClaim(unverified.claims["tenant"]);
    const key = await keys.secrets.find(tenantId);
    if (key === undefined) throw refuseToken(noKey);
    return { alg, key, issuer: tenantIssuer(tenantId), acceptedUntil: Infinity, tenantId };
  }
  const found = kid === undefined ? undefined : await keys.keyset.find(kid);
  if (found?.alg !== alg) throw refuseToken(noKey);
  return { alg, key: found.key, issuer: policy.issuer, acceptedUntil: found.acceptedUntil, tenantId: null };
}

/** The tenant comes first, by the token's claim or else as selected, and then its issuers: no issuer leads to a tenant (threats.md H06). */
async function findRegistered(
  { claims: { iss, tenant } }: UnverifiedToken,
  keys: VerifyingKeys,
  policy: TokenPolicy,
  selected: string | null,
): Promise<readonly TrustedIssuer[]> {
  const tenantId = typeof tenant === "string" && UUID.test(tenant) ? tenant.toLowerCase() : selected;
  if (tenantId === null || typeof iss !== "string" || iss === policy.issuer || iss === tenantIssuer(tenantId))
    return [];
  return keys.issuers.find(tenantId, iss);
}

async function verifyOwn(
  token: string,
  unverified: UnverifiedToken,
  keys: VerifyingKeys,
  policy: TokenPolicy,
): Promise<VerifiedToken> {
  const { alg, key, issuer, acceptedUntil, tenantId } = await findCandidate(unverified, keys, policy);
  const options = {
    algorithms: [alg],
    issuer,
    audience: policy.audience,
    clockTolerance: CLOCK_TOLERANCE,
    requiredClaims: REQUIRED_CLAIMS,
  };
  const { payload } = await jwtVerify(token, key, options).catch((error: unknown) => {
    throw explainJose(error);
  });
  const claimed = readPrincipal(payload, ALGORITHMS[alg].maxLifetime);
  // Sessions are ours: what a tenant's own backend calls by that name is none of them.
  const principal = tenantId === null ? withSession(claimed) : claimed;
  // So stands in a tenant's audit trail what an operator did, and nobody else may stand there so.
  if (principal.id.startsWith("operator:") && principal.grant?.startsWith("i") !== true)
    throw refuseClaims("The claim sub names an operator");
  if (tenantId !== null && principal.tenantId !== tenantId) throw refuseToken("The key can't speak for this tenant");
  const expires = (principal.expiresAt + CLOCK_TOLERANCE) * 1000;
  return { principal, goodUntil: Math.min(expires, acceptedUntil), bySelection: false };
}

/**
 * Verifies a token (RFC 8725): algorithm from a fixed table, key from our own registry, signature, every required claim.
 * @param selected the tenant that the request is addressed to, for tokens of that tenant's issuers that name none
 * @throws RowhouseError tokenInvalid (PGRST301) when it can't be ours, claimsInvalid (PGRST303) when it is not for here and now,
 * issuerUnavailable when its issuer's keys can't be had
 */
export async function verifyToken(
  token: string,
  keys: VerifyingKeys,
  policy: TokenPolicy,
  selected: string | null = null,
): Promise<VerifiedToken> {
  const unverified = readUnverified(token);
  const registered = await findRegistered(unverified, keys, policy, selected);
  if (registered.length === 0) return verifyOwn(token, unverified, keys, policy);
  return verifyIssued(token, unverified, registered, keys.keySets);
}
