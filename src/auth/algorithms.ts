/** Who can sign with it: the deployment, by a key of `platform.signing_keys`, or one tenant's own backend, by its secret. */
export type Signer = "deployment" | "tenant";
export type KeyAlgorithm = "EdDSA" | "ES256";
export type Algorithm = KeyAlgorithm | "HS256";

export interface AlgorithmFacts {
  readonly signer: Signer;
  /** `typ` values that are taken, lower case, without `application/` (RFC 9068 2.1; RFC 8725 3.11). */
  readonly types: readonly string[];
  /** Longest time from `iat` to `exp`, in seconds. */
  readonly maxLifetime: number;
}

const DAY = 86_400;
const BY_DEPLOYMENT: AlgorithmFacts = { signer: "deployment", types: ["at+jwt"], maxLifetime: 7 * DAY };

/** Every algorithm that is taken (RFC 8725 3.1, 3.2). `none` and the rest are nobody's. */
export const ALGORITHMS: Readonly<Record<Algorithm, AlgorithmFacts>> = {
  EdDSA: BY_DEPLOYMENT,
  ES256: BY_DEPLOYMENT,
  // A tenant's secret is outside our care, so what it signs lives shorter. JWT libraries write `JWT` unless told otherwise.
  HS256: { signer: "tenant", types: ["at+jwt", "jwt"], maxLifetime: DAY },
};

/** Clocks of two machines may differ by this much, in seconds. */
export const CLOCK_TOLERANCE = 5;
/** Of a whole token, in characters. */
export const MAX_TOKEN_LENGTH = 8192;

export function isAlgorithm(alg: unknown): alg is Algorithm {
  return typeof alg === "string" && Object.hasOwn(ALGORITHMS, alg);
}
