import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { openVerifyingKeys } from "../../src/auth/verifying-keys.ts";
import type { VerifyingKeys } from "../../src/auth/verify.ts";
import { openCheckedFetch, type CheckedFetch } from "../../src/net/checked-fetch.ts";
import type { TestDatabase } from "../harness.ts";

/** OUTBOUND_ALLOWED that lets the providers of the tests be asked. */
export const LOOPBACK = ["127.0.0.1"];

/** Waits for an answer that is to come: provider and client are one process, which may stand still for longer than a server waits. */
export function openPatientFetch(allowed: readonly string[] = LOOPBACK): CheckedFetch {
  const fetch = openCheckedFetch({ allowed });
  return (url, request) => fetch(url, { ...request, timeoutMs: 60_000 });
}

/** Keys as a server has them. */
export function verifyingKeys(db: TestDatabase, allowed: readonly string[] = LOOPBACK): VerifyingKeys {
  return openVerifyingKeys(db.platform, { fetch: openPatientFetch(allowed) });
}

interface ProviderKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export interface TokenShape {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  /** One that the provider does not show. */
  readonly key?: ProviderKey;
}

/** An identity provider: signs tokens, and shows its key set and its description over HTTP. */
export interface Provider extends AsyncDisposable {
  /** Its `iss`: `http://127.0.0.1:<port>`. */
  readonly issuer: string;
  readonly jwksUrl: string;
  /** The keys that it shows; a test may change them. */
  keys: ProviderKey[];
  /** Paths that it was asked for. */
  readonly asked: string[];
  /** Another way to answer /jwks.json; null: as it should. */
  answer: RequestListener | null;
  readonly addKey: (kid: string, alg?: string) => Promise<ProviderKey>;
  /** A token of its newest key that is good for audience `app`, for a test to spoil in one place. */
  readonly token: (sub: string, shape?: TokenShape) => Promise<string>;
}

export async function makeKey(kid: string, alg = "RS256"): Promise<ProviderKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export const nowSeconds = () => Math.floor(Date.now() / 1000);

export async function openProvider(alg = "RS256"): Promise<Provider> {
  const answers: Record<string, () => unknown> = {
    "/jwks.json": () => ({ keys: provider.keys.map(({ publicJwk }) => publicJwk) }),
    "/.well-known/openid-configuration": () => ({ issuer: provider.issuer, jwks_uri: provider.jwksUrl }),
  };
  const server = createServer((req, res) => {
    provider.asked.push(req.url!);
    if (provider.answer !== null && req.url === "/jwks.json") return provider.answer(req, res);
    const body = answers[req.url!];
    if (body === undefined) return res.writeHead(404).end();
    return res.setHeader("content-type", "application/json").end(JSON.stringify(body()));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: Provider = {
    issuer,
    jwksUrl: `${issuer}/jwks.json`,
    keys: [await makeKey("one", alg)],
    asked: [],
    answer: null,
    addKey: async (kid, other = alg) => {
      const key = await makeKey(kid, other);
      provider.keys.push(key);
      return key;
    },
    token: async (sub, { claims = {}, header = {}, key = provider.keys.at(-1)! } = {}) => {
      const payload = { iss: issuer, aud: "app", sub, iat: nowSeconds(), exp: nowSeconds() + 600, ...claims };
      return new SignJWT(payload)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "JWT", ...header })
        .sign(key.privateKey);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return provider;
}
