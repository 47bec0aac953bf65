import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { RowhouseError } from "../errors.ts";

/** An answer as it was given. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One request under an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07). */
export interface KeyedRequest {
  readonly operatorId: string;
  readonly key: string;
  /** SHA-256 of what is asked for. */
  readonly digest: Buffer;
}

/** For so long an answer is given again. */
const KEPT = "24 hours";
/** A request that did not end by then died with its server. */
const LONGEST = "2 minutes";

const BEGIN = `
  insert into platform.idempotency_keys as k (operator_id, key, request_hash, locked_until) values ($1, $2, $3, now() + $4::interval)
  on conflict (operator_id, key) do update set locked_until = excluded.locked_until, request_hash = excluded.request_hash,
    status = null, headers = null, body = null, created_at = now()
  where k.created_at < now() - $5::interval or (k.status is null and k.locked_until < now() and k.request_hash = excluded.request_hash)
  returning key`;

interface KeyRow {
  readonly request_hash: Buffer;
  readonly status: number | null;
  readonly headers: Record<string, string> | null;
  readonly body: string | null;
}

/**
 * @returns the answer that was given before; null when the request is to be run, and {@link keepAnswer} or {@link dropKey} to follow
 * @throws RowhouseError requestRunning, requestDiffers
 */
export async function beginKeyed(
  pool: ConnectionPool,
  { operatorId, key, digest }: KeyedRequest,
): Promise<StoredAnswer | null> {
  const begun = await queryRows(pool, { text: BEGIN, values: [operatorId, key, digest, LONGEST, KEPT] });
  if (begun.length === 1) return null;
  const [row] = await queryRows<KeyRow>(pool, {
    text: "select request_hash, status, headers, body from platform.idempotency_keys where operator_id = $1 and key = $2",
    values: [operatorId, key],
  });
  if (row !== undefined && !row.request_hash.equals(digest)) {
    throw new RowhouseError("requestDiffers", {
      hint: "An Idempotency-Key is for one request and its repetitions. Take a new one for another.",
    });
  }
  if (row?.status == null)
    throw new RowhouseError("requestRunning", { hint: "Ask again in a moment, with the same key." });
  return { status: row.status, headers: row.headers ?? {}, body: row.body ?? "" };
}

export async function keepAnswer(
  pool: ConnectionPool,
  { operatorId, key }: KeyedRequest,
  answer: StoredAnswer,
): Promise<void> {
  await queryRows(pool, {
    text: "update platform.idempotency_keys set status = $3, headers = $4, body = $5 where operator_id = $1 and key = $2",
    values: [operatorId, key, answer.status, JSON.stringify(answer.headers), answer.body],
  });
}

/** It did not take place: the next one with this key is as good as the first. Takes away old ones, too. */
export async function dropKey(pool: ConnectionPool, { operatorId, key }: KeyedRequest): Promise<void> {
  await queryRows(pool, {
    text: `delete from platform.idempotency_keys where operator_id = $1 and (key = $2 or created_at < now() - $3::interval)`,
    values: [operatorId, key, KEPT],
  });
}
