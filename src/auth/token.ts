import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import { RowhouseError } from "../errors.ts";
import { ALGORITHMS } from "./algorithms.ts";
import { checkRole, checkSubject, checkTenantClaim } from "./claims.ts";
import type { Keyset } from "./keyset.ts";

/** What the tokens of this deployment say about themselves: TOKEN_ISSUER and TOKEN_AUDIENCE. */
export interface TokenPolicy {
  readonly issuer: string;
  readonly audience: string;
}

export interface TokenRequest {
  readonly tenantId: string;
  /** Who it is for: a user's id, or `service:<name>`. */
  readonly sub: string;
  /** Membership role. */
  readonly role: string;
  readonly ttlSeconds: number;
  /** Further claims; those that every token has win over them. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/**
 * Signs an access token (RFC 9068) with the deployment's current key.
 * @returns the compact JWT
 * @throws RowhouseError usage for a lifetime out of range, claimsInvalid for a sub, role or tenant id that would be refused
 */
export async function mintToken(keyset: Keyset, policy: TokenPolicy, request: TokenRequest): Promise<string> {
  const { maxLifetime } = ALGORITHMS.EdDSA;
  const { ttlSeconds } = request;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxLifetime) {
    throw new RowhouseError("usage", {
      message: `A token lives 1 second to ${maxLifetime / 86_400} days`,
      hint: "As in: --ttl 1h",
    });
  }
  const { kid, alg, key } = await keyset.current();
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ ...request.claims, tenant: checkTenantClaim(request.tenantId), role: checkRole(request.role) })
    .setProtectedHeader({ alg, typ: "at+jwt", kid })
    .setIssuer(policy.issuer)
    .setAudience(policy.audience)
    .setSubject(checkSubject(request.sub))
    .setIssuedAt(now)
    .setExpirationTime(now + ttlSeconds)
    .setJti(randomUUID())
    .sign(key);
}
