import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { KEYS_CHANNEL } from "../db/listen.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { ALGORITHMS, type KeyAlgorithm } from "./algorithms.ts";

/** A signing key of the deployment, without its private part. */
export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly publicJwk: JWK;
  /** ISO 8601 */
  readonly createdAt: string;
  /** ISO 8601; null for the one key that signs. */
  readonly retiredAt: string | null;
  /** ISO 8601; until then, what a retired key signed is accepted. */
  readonly acceptedUntil: string | null;
}

const utc = (column: string) => `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const COLUMNS = `kid, alg, public_jwk as "publicJwk", ${utc("created_at")} as "createdAt",
  ${utc("retired_at")} as "retiredAt", ${utc("accepted_until")} as "acceptedUntil"`;

/** @returns false when there is a current key already: the unique index `signing_keys_current` allows one */
async function insertKey(client: DbClient, alg: KeyAlgorithm): Promise<boolean> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const { rowCount } = await client.query(
    `insert into platform.signing_keys (kid, alg, private_jwk, public_jwk) values ($1, $2, $3, $4)
     on conflict ((true)) where retired_at is null do nothing`,
    [kid, alg, await exportJWK(pair.privateKey), { ...publicJwk, kid, alg, use: "sig" }],
  );
  await client.query("select pg_notify($1, '')", [KEYS_CHANNEL]);
  return rowCount === 1;
}

async function currentKey(client: Pick<DbClient, "query">): Promise<SigningKey | undefined> {
  const { rows } = await client.query<SigningKey>(
    `select ${COLUMNS} from platform.signing_keys where retired_at is null`,
  );
  return rows[0];
}

/** The key that signs; makes the first one when there is none. Several at once end with the same key. */
export async function ensureSigningKey(
  pool: ConnectionPool,
  actor = "platform:keys",
  alg: KeyAlgorithm = "EdDSA",
): Promise<SigningKey> {
  const found = await currentKey(pool);
  if (found !== undefined) return found;
  await inPlatformTransaction(pool, actor, (client) => insertKey(client, alg));
  return (await currentKey(pool))!;
}

const MAX_ACCEPT = 366 * 86_400;

export interface RotateOptions {
  /** The current key's when left out. */
  readonly alg?: KeyAlgorithm;
  /**
   * How long tokens of the old key go on being accepted, in seconds; the longest lifetime of a token when left out, so that
   * rotation locks nobody out. 0 for a key that leaked.
   */
  readonly acceptForSeconds?: number;
}

/**
 * Makes a new key and retires the current one, whose private part is destroyed. Two rotations at once: one wins.
 * @throws RowhouseError keyRotated for the other, usage
 */
export async function rotateSigningKey(
  pool: ConnectionPool,
  options: RotateOptions,
  actor: string,
): Promise<SigningKey> {
  const { alg, acceptForSeconds = ALGORITHMS.EdDSA.maxLifetime } = options;
  if (!Number.isInteger(acceptForSeconds) || acceptForSeconds < 0 || acceptForSeconds > MAX_ACCEPT) {
    throw new RowhouseError("usage", {
      message: "A retired key is accepted for 0 seconds to a year",
      hint: "0 for a key that leaked.",
    });
  }
  return inPlatformTransaction(pool, actor, async (client) => {
    const seen = await currentKey(client);
    const retired = await client.query(
      `update platform.signing_keys set retired_at = now(), accepted_until = now() + make_interval(secs => $2), private_jwk = '{}'
       where kid = $1 and retired_at is null`,
      [seen?.kid ?? "", acceptForSeconds],
    );
    const isMine = retired.rowCount === (seen === undefined ? 0 : 1);
    if (!isMine || !(await insertKey(client, alg ?? seen?.alg ?? "EdDSA"))) {
      throw new RowhouseError("keyRotated", {
        hint: "`rowhouse keys list` shows the new key. Rotate again if you still want to.",
      });
    }
    await client.query("delete from platform.signing_keys where accepted_until < now() - interval '1 day'");
    return (await currentKey(client))!;
  });
}

/** Every key that is kept, the current one first. */
export async function listSigningKeys(pool: ConnectionPool): Promise<SigningKey[]> {
  const { rows } = await pool.query<SigningKey>(
    `select ${COLUMNS} from platform.signing_keys order by retired_at desc nulls first`,
  );
  return rows;
}

/** The keys by which tokens are verified, as a JSON Web Key Set (RFC 7517 5). */
export async function publicKeys(pool: ConnectionPool): Promise<{ keys: JWK[] }> {
  const { rows } = await pool.query<{ jwk: JWK }>(
    `select public_jwk as jwk from platform.signing_keys where retired_at is null or accepted_until > now()
     order by retired_at desc nulls first`,
  );
  return { keys: rows.map(({ jwk }) => jwk) };
}
