import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Principal } from "./principal.ts";
import type { TokenPolicy } from "./token.ts";
import { verifyToken, type VerifiedToken, type VerifyingKeys } from "./verify.ts";

/** {@link verifyToken} with a memory. */
export interface Verifier {
  /** @throws RowhouseError tokenInvalid, claimsInvalid */
  verify(token: string): Promise<Principal>;
  /** The tenant's secret, or anything else of it, has changed: its tokens are verified anew. */
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
  /** Changes with every invalidation: what was verified by an older key is not remembered. */
  let generation = 0;

  const verifyAnew = async (token: string, digest: string): Promise<Principal> => {
    const begun = generation;
    const verified = await verifyToken(token, keys, policy);
    if (begun === generation) known.set(digest, verified);
    return verified.principal;
  };

  return {
    verify: async (token) => {
      const digest = hash("sha256", token, "base64");
      const hit = known.get(digest);
      return hit !== undefined && hit.goodUntil > Date.now() ? hit.principal : verifyAnew(token, digest);
    },
    invalidate: (tenantId) => {
      generation++;
      keys.secrets.invalidate(tenantId);
      const changed = [...known.entries()].filter(([, { principal }]) => principal.tenantId === tenantId);
      for (const [digest] of changed) known.delete(digest);
    },
    clear: () => {
      generation++;
      keys.secrets.clear();
      keys.keyset.clear();
      known.clear();
    },
  };
}
