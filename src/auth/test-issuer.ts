import { findIssuer, type Issuer } from "../tenant/issuers.ts";
import { readKeySet, unfit, type KeySet } from "./key-set.ts";
import { openKeySets } from "./key-sets.ts";
import type { Principal } from "./principal.ts";
import type { Registrar } from "./register-issuer.ts";
import { readUnverified } from "./token-header.ts";
import { openTrustedIssuers } from "./trusted-issuers.ts";
import { verifyIssued } from "./verify-issued.ts";

export interface IssuerReport {
  readonly issuer: Issuer;
  /** What it publishes at this moment; of a shared secret nothing. */
  readonly keys: KeySet["keys"];
  /** What the token that was given comes to; null without one. */
  readonly principal: Pick<Principal, "id" | "role" | "expiresAt" | "identity"> | null;
}

/**
 * Whether an issuer's keys can be had, and whether a token is good, as a server would find them at its first request.
 * @param name its id, or its `iss`
 * @throws RowhouseError issuerUnknown, outboundRefused, outboundFailed, issuerUnfit; tokenInvalid, claimsInvalid for the token
 */
export async function testIssuer(
  { pool, fetch }: Pick<Registrar, "pool" | "fetch">,
  tenantId: string,
  name: string,
  token: string | null,
): Promise<IssuerReport> {
  const issuer = await findIssuer(pool, tenantId, name);
  const keys = issuer.jwksUrl === null ? [] : (await readKeySet(fetch, issuer.jwksUrl)).keys;
  if (token === null) return { issuer, keys, principal: null };
  const unverified = readUnverified(token);
  const trusted = await openTrustedIssuers(pool).find(tenantId, issuer.issuer);
  const own = trusted.filter(({ id }) => id === issuer.id);
  if (own.length === 0) throw unfit("The issuer is not active");
  const { principal } = await verifyIssued(token, unverified, own, openKeySets({ fetch }));
  const { id, role, expiresAt, identity } = principal;
  return { issuer, keys, principal: { id, role, expiresAt, identity } };
}
