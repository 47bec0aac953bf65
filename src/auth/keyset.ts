import { importJWK, type CryptoKey, type JWK } from "jose";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { openLookup } from "../tenant/lookup.ts";
import type { KeyAlgorithm } from "./algorithms.ts";
import { ensureSigningKey } from "./keys.ts";

export interface PublicKey {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly key: CryptoKey;
  /** Unix milliseconds; Infinity for the current key. */
  readonly acceptedUntil: number;
}

export interface PrivateKey {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly key: CryptoKey;
}

/** The deployment's signing keys, ready for use and kept in memory. */
export interface Keyset {
  /** The key that signs; made when there is none. */
  current(): Promise<PrivateKey>;
  /** By key id, among those that are accepted now. */
  find(kid: string): Promise<PublicKey | undefined>;
  /** The public keys as a JSON Web Key Set. */
  jwks(): Promise<{ keys: JWK[] }>;
  /** The keys have changed: `rowhouse_keys` was notified, or may have been. */
  clear(): void;
}

interface KeyRow {
  kid: string;
  alg: KeyAlgorithm;
  private_jwk: JWK | null;
  public_jwk: JWK;
  accepted_until: Date | null;
}

interface Keys {
  readonly loadedAt: number;
  readonly signing: PrivateKey | undefined;
  readonly accepted: ReadonlyMap<string, PublicKey>;
  readonly jwks: { keys: JWK[] };
}

/** A key that was made a moment ago by another server is looked for at most this often, in milliseconds. */
const RELOAD_MS = 1000;

const LOAD = `
  select kid, alg, case when retired_at is null then private_jwk end as private_jwk, public_jwk, accepted_until
  from platform.signing_keys where retired_at is null or accepted_until > now() order by retired_at desc nulls first`;

async function loadKeys(pool: ConnectionPool): Promise<Keys> {
  const rows = await queryRows<KeyRow>(pool, { text: LOAD });
  const importKey = async (jwk: JWK, alg: KeyAlgorithm) => (await importJWK(jwk, alg)) as CryptoKey;
  const accepted = await Promise.all(
    rows.map(async ({ kid, alg, public_jwk, accepted_until }): Promise<[string, PublicKey]> => [
      kid,
      { kid, alg, key: await importKey(public_jwk, alg), acceptedUntil: accepted_until?.getTime() ?? Infinity },
    ]),
  );
  const row = rows.find(({ private_jwk }) => private_jwk !== null);
  const signing = row && { kid: row.kid, alg: row.alg, key: await importKey(row.private_jwk!, row.alg) };
  return {
    loadedAt: Date.now(),
    signing,
    accepted: new Map(accepted),
    jwks: { keys: rows.map((key) => key.public_jwk) },
  };
}

/** @param pool connections of rowhouse_platform */
export function openKeyset(pool: ConnectionPool): Keyset {
  const lookup = openLookup<Keys>(() => loadKeys(pool), { max: 1, ttlMs: 60_000, missMs: 0 });
  const load = async () => (await lookup.get("all"))!;
  let reloadedAt = 0;
  const reload = () => {
    reloadedAt = Date.now();
    lookup.clear();
    return load();
  };
  return {
    current: async () => {
      const known = (await load()).signing;
      if (known !== undefined) return known;
      await ensureSigningKey(pool);
      return (await reload()).signing!;
    },
    find: async (kid) => {
      const keys = await load();
      const mayReload = Date.now() - Math.max(keys.loadedAt, reloadedAt) > RELOAD_MS;
      const found = keys.accepted.get(kid) ?? (mayReload ? await reload() : await load()).accepted.get(kid);
      return found !== undefined && found.acceptedUntil > Date.now() ? found : undefined;
    },
    jwks: async () => (await load()).jwks,
    clear: () => lookup.clear(),
  };
}
