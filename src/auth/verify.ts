import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type CryptoKey, type JWTPayload } from "jose";
import { RowhouseError } from "../errors.ts";
import { ALGORITHMS, CLOCK_TOLERANCE, isAlgorithm, MAX_TOKEN_LENGTH, type Algorithm } from "./algorithms.ts";
import { checkTenantClaim, readPrincipal, refuseClaims, REQUIRED_CLAIMS, withSession } from "./claims.ts";
import type { Keyset } from "./keyset.ts";
import type { Principal } from "./principal.ts";
import { tenantIssuer, type TokenSecrets } from "./secrets.ts";
import type { TokenPolicy } from "./token.ts";

export interface VerifyingKeys {
  readonly keyset: Keyset;
  readonly secrets: TokenSecrets;
}

/** What verification showed. */
export interface VerifiedToken {
  readonly principal: Principal;
  /** Unix milliseconds: past this the token, or the key that signed it, is no longer accepted. */
  readonly goodUntil: number;
}

/** The key for a token, found by what the token says of itself and to be confirmed by its signature. */
interface Candidate {
  readonly key: CryptoKey;
  readonly issuer: string;
  readonly acceptedUntil: number;
  /** The one tenant that the key can speak for; null for any. */
  readonly tenantId: string | null;
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const KID = /^[\w-]{1,128}$/;
/** Anything else brings a key, a place to fetch one from, or a rule to know: jku, jwk, x5u, x5c, crit (RFC 8725 3.10). */
const HEADER = new Set(["alg", "typ", "kid"]);

function refuse(message: string, cause?: unknown): RowhouseError {
  return new RowhouseError("tokenInvalid", { message, cause });
}

/** The protected header, as far as it is acceptable. Nothing in it is verified yet. */
function readHeader(token: string): { alg: Algorithm; kid: string | undefined } {
  if (token.length > MAX_TOKEN_LENGTH) throw refuse(`The token is longer than ${MAX_TOKEN_LENGTH} characters`);
  if (!COMPACT.test(token)) throw refuse("Expected a JWT of 3 parts, signed");
  let header: Record<string, unknown>;
  try {
    header = decodeProtectedHeader(token);
  } catch (cause) {
    throw refuse("The token's header can't be read", cause);
  }
  const { alg, typ, kid } = header;
  const foreign = Object.keys(header).find((name) => !HEADER.has(name));
  if (foreign !== undefined) throw refuse("The token's header carries a parameter that is not accepted");
  if (!isAlgorithm(alg)) throw refuse("The token's algorithm is not accepted");
  const type = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : "";
  if (!ALGORITHMS[alg].types.includes(type)) throw refuse("The token's type is not that of an access token");
  if (kid !== undefined && (typeof kid !== "string" || !KID.test(kid))) throw refuse("The token's kid is malformed");
  return { alg, kid };
}

/** The tenant that the token claims, to pick the secret by. The signature then shows whether the claim is true. */
function claimedTenant(token: string): string {
  let claims: JWTPayload;
  try {
    claims = decodeJwt(token);
  } catch (cause) {
    throw refuse("The token's claims can't be read", cause);
  }
  return checkTenantClaim(claims["tenant"]);
}

async function findCandidate(
  token: string,
  keys: VerifyingKeys,
  policy: TokenPolicy,
): Promise<Candidate & { alg: Algorithm }> {
  const { alg, kid } = readHeader(token);
  const noKey = "No suitable key or wrong key type";
  if (ALGORITHMS[alg].signer === "tenant") {
    const tenantId = claimedTenant(token);
    const key = await keys.secrets.find(tenantId);
    if (key === undefined) throw refuse(noKey);
    return { alg, key, issuer: tenantIssuer(tenantId), acceptedUntil: Infinity, tenantId };
  }
  const found = kid === undefined ? undefined : await keys.keyset.find(kid);
  if (found?.alg !== alg) throw refuse(noKey);
  return { alg, key: found.key, issuer: policy.issuer, acceptedUntil: found.acceptedUntil, tenantId: null };
}

/** PostgREST's words where it has some: clients show them. */
const CLAIM_PROBLEMS: Readonly<Record<string, string>> = {
  aud: "JWT not in audience",
  iss: "JWT issuer not accepted",
  nbf: "JWT not yet valid",
};

function explain(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return refuseClaims("JWT expired", "Get a new token.");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === "missing") return refuseClaims(`The claim ${error.claim} is missing`);
    return refuseClaims(CLAIM_PROBLEMS[error.claim] ?? `The claim ${error.claim} is not accepted`);
  }
  return error instanceof errors.JOSEError ? refuse("JWT cryptographic operation failed", error) : error;
}

/**
 * Verifies a token (RFC 8725): algorithm from a fixed table, key from our own registry, signature, every required claim.
 * @throws RowhouseError tokenInvalid (PGRST301) when it can't be ours, claimsInvalid (PGRST303) when it is not for here and now
 */
export async function verifyToken(token: string, keys: VerifyingKeys, policy: TokenPolicy): Promise<VerifiedToken> {
  const { alg, key, issuer, acceptedUntil, tenantId } = await findCandidate(token, keys, policy);
  const options = {
    algorithms: [alg],
    issuer,
    audience: policy.audience,
    clockTolerance: CLOCK_TOLERANCE,
    requiredClaims: REQUIRED_CLAIMS,
  };
  const { payload } = await jwtVerify(token, key, options).catch((error: unknown) => {
    throw explain(error);
  });
  const claimed = readPrincipal(payload, ALGORITHMS[alg].maxLifetime);
  // Sessions are ours: what a tenant's own backend calls by that name is none of them.
  const principal = tenantId === null ? withSession(claimed) : claimed;
  // So stands in a tenant's audit trail what an operator did, and nobody else may stand there so.
  if (principal.id.startsWith("operator:") && principal.grant?.startsWith("i") !== true)
    throw refuseClaims("The claim sub names an operator");
  if (tenantId !== null && principal.tenantId !== tenantId) throw refuse("The key can't speak for this tenant");
  const expires = (principal.expiresAt + CLOCK_TOLERANCE) * 1000;
  return { principal, goodUntil: Math.min(expires, acceptedUntil) };
}
