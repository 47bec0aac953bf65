import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { RowhouseError } from "../errors.ts";
import type { CheckedFetch } from "../net/checked-fetch.ts";
import { ISSUER_KINDS } from "./issuer-algorithms.ts";

/** The public keys that an issuer signs with, as it published them at one moment. */
export interface KeySet {
  /** What there is to know each key by; null where the issuer does not say. */
  readonly keys: readonly { readonly kid: string | null; readonly kty: string; readonly alg: string | null }[];
  /** For jose: the one key that a token's header names and that suits its algorithm. */
  readonly find: JWTVerifyGetKey;
}

/** Large providers publish a dozen keys, with certificates 20 kB. */
const MAX_KEY_SET_BYTES = 262_144;
const MAX_KEYS = 100;
const TIMEOUT_MS = 3000;
const KEY_TYPES = new Set(["RSA", "EC", "OKP"]);
/** Members of a private or symmetric key (RFC 7518 6.2.2, 6.3.2, 6.4.1). */
const SECRETS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const document = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) });

/** The refusal of an issuer that can't be taken as it is registered, or as it answers: issuerUnfit. */
export function unfit(message: string, cause?: unknown): RowhouseError {
  return new RowhouseError("issuerUnfit", { message, cause });
}

/**
 * What stands at a URL, as JSON.
 * @throws RowhouseError outboundRefused, outboundFailed, issuerUnfit
 */
export async function readJson(fetch: CheckedFetch, url: string): Promise<unknown> {
  const headers = { accept: "application/jwk-set+json, application/json" };
  const { status, body } = await fetch(url, { headers, maxBytes: MAX_KEY_SET_BYTES, timeoutMs: TIMEOUT_MS });
  if (status !== 200) {
    const hint = status >= 300 && status < 400 ? "Redirects are not followed: register where it leads." : undefined;
    throw new RowhouseError("outboundFailed", { message: `${url} answered ${status}`, hint });
  }
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw unfit(`${url} is not JSON`, cause);
  }
}

const isUsable = ({ kty, use, alg }: JWK): boolean =>
  KEY_TYPES.has(kty!) &&
  (use === undefined || use === "sig") &&
  (alg === undefined || ISSUER_KINDS.jwks.algorithms.includes(alg));

/**
 * An issuer's key set (RFC 7517). Keys for anything but signatures that are taken here are left out.
 * @throws RowhouseError outboundRefused, outboundFailed; issuerUnfit for what is no key set, has none to verify by, or shows a private key
 */
export async function readKeySet(fetch: CheckedFetch, url: string): Promise<KeySet> {
  const parsed = document.safeParse(await readJson(fetch, url));
  if (!parsed.success) throw unfit(`${url} is not a JSON Web Key Set of at most ${MAX_KEYS} keys`);
  const all = parsed.data.keys as unknown as JWK[];
  if (all.some((key) => SECRETS.some((name) => Object.hasOwn(key, name))))
    throw unfit(`${url} shows a private key: whoever can read it can sign`);
  const keys = all.filter(isUsable);
  if (keys.length === 0) throw unfit(`${url} has no key to verify signatures by`);
  return {
    keys: keys.map(({ kid = null, kty, alg = null }) => ({ kid, kty: kty!, alg })),
    find: createLocalJWKSet({ keys }),
  };
}
