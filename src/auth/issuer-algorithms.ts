import type { Issuer } from "../tenant/issuers.ts";
import { ALGORITHMS } from "./algorithms.ts";

interface KindFacts {
  readonly algorithms: readonly string[];
  /** Longest time from `iat` to `exp`, in seconds: what others sign lives no longer than what a tenant's own secret signs. */
  readonly maxLifetime: number;
}

const { maxLifetime } = ALGORITHMS.HS256;

/**
 * What is taken of a tenant's issuers (RFC 8725 3.1, 3.2). The kind is the registration's: a key set's public key is never the secret of an
 * HMAC (threats.md H01). `Ed25519` is what RFC 9864 calls EdDSA by that curve.
 */
export const ISSUER_KINDS: Readonly<Record<Issuer["kind"], KindFacts>> = {
  jwks: {
    algorithms: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
    maxLifetime,
  },
  secret: { algorithms: ["HS256"], maxLifetime },
};
