import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { RowhouseError } from "../errors.ts";
import { isApiKey, readApiKey } from "./api-key.ts";
import type { Principal } from "./principal.ts";
import type { TokenPolicy } from "./token.ts";
import { verifyToken, type VerifiedToken, type VerifyingKeys } from "./verify.ts";

/** {@link verifyToken} with a memory. API keys are taken as well. */
export interface Verifier {
  /**
   * @param selected the tenant that the request is addressed to: tokens of its issuers may name none
   * @throws RowhouseError tokenInvalid, claimsInvalid, issuerUnavailable
   */
  verify(token: string, selected?: string | null): Promise<Principal>;
  /** The tenant's secret, its issuers, or anything else of it, has changed: its tokens are verified anew. */
  invalidate(tenantId: string): void;
  /** The signing keys have changed, or notifications may have been missed. */
  clear(): void;
}

/**
 * Remembers verified tokens, by SHA-256 so that none is kept, until they expire or their key is no longer accepted. A refused
 * token is not remembered.
 */
export function openVerifier(keys: VerifyingKeys, policy: TokenPolicy, max = 10_000): Verifier {
  const known = new LRUCache<string, VerifiedToken>({ max });
  /** Apart: anybody can make up keys, and they must push no verified token out. */
  const keysKnown = new LRUCache<string, Principal>({ max: Math.ceil(max / 10) });
  /** Changes with every invalidation: what was verified by an older key is not remembered. */
  let generation = 0;

  /** Remembered like a token, so that its scope is worked out once. */
  const readKey = (token: string, digest: string): Principal => {
    const principal = readApiKey(token);
    if (principal === null) throw new RowhouseError("tokenInvalid", { message: "The API key is malformed" });
    keysKnown.set(digest, principal);
    return principal;
  };

  /** What one tenant's issuer vouches for says nothing about any other tenant, which may have the same issuer. */
  const keyOf = (digest: string, selected: string | null) => `${digest} ${selected}`;
  const recall = (key: string) => {
    const hit = known.get(key);
    return hit !== undefined && hit.goodUntil > Date.now() ? hit.principal : undefined;
  };

  const verifyAnew = async (token: string, digest: string, selected: string | null): Promise<Principal> => {
    const begun = generation;
    const verified = await verifyToken(token, keys, policy, selected);
    if (begun === generation) known.set(verified.bySelection ? keyOf(digest, selected) : digest, verified);
    return verified.principal;
  };

  return {
    verify: async (token, selected = null) => {
      const digest = hash("sha256", token, "base64");
      if (isApiKey(token)) return keysKnown.get(digest) ?? readKey(token, digest);
      return recall(digest) ?? recall(keyOf(digest, selected)) ?? verifyAnew(token, digest, selected);
    },
    invalidate: (tenantId) => {
      generation++;
      keys.secrets.invalidate(tenantId);
      keys.issuers.invalidate(tenantId);
      const changed = [...known.entries()].filter(([, { principal }]) => principal.tenantId === tenantId);
      for (const [digest] of changed) known.delete(digest);
    },
    clear: () => {
      generation++;
      keys.secrets.clear();
      keys.issuers.clear();
      keys.keyset.clear();
      known.clear();
    },
  };
}
