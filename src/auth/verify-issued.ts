import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from "jose";
import { CLOCK_TOLERANCE } from "./algorithms.ts";
import { refuseClaims } from "./claims.ts";
import { readIssued } from "./issued-principal.ts";
import { ISSUER_KINDS } from "./issuer-algorithms.ts";
import type { KeySets } from "./key-sets.ts";
import { explainJose, refuseToken, type UnverifiedToken } from "./token-header.ts";
import type { TrustedIssuer } from "./trusted-issuers.ts";
import type { VerifiedToken } from "./verify.ts";

/** A remembered token is verified anew after this long, in milliseconds: its key may have been withdrawn. */
const REVERIFY_MS = 300_000;

/** Providers name keys in Base64 as well, and by URLs; it is only ever compared with what the issuer published. */
const KID = /^[\w+/=.:@-]{1,256}$/;
/** Thumbprints of a certificate (RFC 7515 4.1.7, 4.1.8), as Microsoft's tokens have, bring no key; nobody looks at them. */
const HEADER = new Set(["alg", "typ", "kid", "x5t", "x5t#S256"]);
/** RFC 9068 2.1; ID tokens, and access tokens of many providers, say JWT; Okta's say nothing. Refresh and logout tokens say otherwise. */
const TYPES = new Set(["at+jwt", "jwt", ""]);
/** A tenant is not among them: providers know none of ours. */
const REQUIRED = ["iss", "aud", "exp", "iat", "sub"];

function checkHeader({ alg, type, kid, parameters }: UnverifiedToken, { kind }: TrustedIssuer): string {
  if (!parameters.every((name) => HEADER.has(name)))
    throw refuseToken("The token's header carries a parameter that is not accepted");
  if (typeof alg !== "string" || !ISSUER_KINDS[kind].algorithms.includes(alg))
    throw refuseToken("The token's algorithm is not accepted");
  if (!TYPES.has(type)) throw refuseToken("The token's type is not that of an access token");
  if (kid !== undefined && (typeof kid !== "string" || !KID.test(kid)))
    throw refuseToken("The token's kid is malformed");
  return alg;
}

/** What a token of another purpose has and one of access has not: security events and logouts (RFC 8417 2.2). */
function checkPurpose(claims: JWTPayload): void {
  if (claims["events"] !== undefined) throw refuseClaims("The token tells of an event, and grants nothing");
}

/** The tenant's registration that the token is for: an issuer may have a client for each of its front ends. */
function chooseRegistration(registered: readonly TrustedIssuer[], { claims: { aud } }: UnverifiedToken): TrustedIssuer {
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  return registered.find(({ audience }) => audiences.includes(audience)) ?? registered[0]!;
}

async function verifyByKeySet(
  token: string,
  { issuer, jwksUrl }: TrustedIssuer,
  keySets: KeySets,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  const name = { issuer, url: jwksUrl! };
  const known = await keySets.find(name);
  try {
    return (await jwtVerify(token, known.find, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    const renewed = await keySets.renew(name, known);
    if (renewed === known) throw error;
    return (await jwtVerify(token, renewed.find, options)).payload;
  }
}

function refuseKey(error: unknown): unknown {
  const isKey = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
  return isKey ? refuseToken("No suitable key or wrong key type", error) : explainJose(error);
}

/**
 * Verifies a token that one of a tenant's own issuers signed. The key comes from the registration alone, never from the token.
 * @param registered the tenant's registrations of the token's `iss`, at least one
 * @throws RowhouseError tokenInvalid, claimsInvalid, issuerUnavailable
 */
export async function verifyIssued(
  token: string,
  unverified: UnverifiedToken,
  registered: readonly TrustedIssuer[],
  keySets: KeySets,
): Promise<VerifiedToken> {
  const issuer = chooseRegistration(registered, unverified);
  const options: JWTVerifyOptions = {
    algorithms: [checkHeader(unverified, issuer)],
    issuer: issuer.issuer,
    audience: issuer.audience,
    clockTolerance: CLOCK_TOLERANCE,
    requiredClaims: REQUIRED,
  };
  const verified =
    issuer.key === null
      ? verifyByKeySet(token, issuer, keySets, options)
      : jwtVerify(token, issuer.key, options).then(({ payload }) => payload);
  const claims = await verified.catch((error: unknown) => {
    throw refuseKey(error);
  });
  checkPurpose(claims);
  const principal = readIssued(claims, issuer);
  const expires = (principal.expiresAt + CLOCK_TOLERANCE) * 1000;
  return {
    principal,
    goodUntil: Math.min(expires, Date.now() + REVERIFY_MS),
    bySelection: claims["tenant"] === undefined,
  };
}
