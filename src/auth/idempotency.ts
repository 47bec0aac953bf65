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
/**
 * Who runs a request says so again every {@link RENEW_MS}. One of which nothing was heard for this many seconds died with its server, and the
 * next one may run: soon enough for somebody who waits, and no shorter than a server may be slow.
 */
const LEASE_SECONDS = 15;
const RENEW_MS = 5000;

const BEGIN = `
  insert into platform.idempotency_keys as k (operator_id, key, request_hash, locked_until) values ($1, $2, $3, now() + make_interval(secs => $4))
  on conflict (operator_id, key) do update set locked_until = excluded.locked_until, request_hash = excluded.request_hash,
    status = null, headers = null, body = null, created_at = now()
  where k.created_at < now() - $5::interval or (k.status is null and k.locked_until < now() and k.request_hash = excluded.request_hash)
  returning key`;

/** The same request runs, or did when its server died. @param retryAfter seconds until it has ended, or is known to have died */
const running = (retryAfter: number) =>
  new RowhouseError("requestRunning", {
    hint: `Ask again in ${retryAfter} seconds, with the same key.`,
    retryAfter,
  });

interface KeyRow {
  readonly request_hash: Buffer;
  /** Seconds until the lease ends. */
  readonly wait: number;
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
  const begun = await queryRows(pool, { text: BEGIN, values: [operatorId, key, digest, LEASE_SECONDS, KEPT] });
  if (begun.length === 1) return null;
  const [row] = await queryRows<KeyRow>(pool, {
    text: `select request_hash, status, headers, body, ceil(extract(epoch from locked_until - now()))::integer as wait
      from platform.idempotency_keys where operator_id = $1 and key = $2`,
    values: [operatorId, key],
  });
  if (row !== undefined && !row.request_hash.equals(digest)) {
    throw new RowhouseError("requestDiffers", {
      hint: "An Idempotency-Key is for one request and its repetitions. Take a new one for another.",
    });
  }
  if (row?.status == null) throw running(Math.max(1, row?.wait ?? 1));
  return { status: row.status, headers: row.headers ?? {}, body: row.body ?? "" };
}

/** Keeps the next one with this key away for as long as the request runs. @returns ends it */
export function holdKey(
  pool: ConnectionPool,
  { operatorId, key }: KeyedRequest,
  onError: (error: unknown) => void,
): () => void {
  const renew = () =>
    queryRows(pool, {
      text: `update platform.idempotency_keys set locked_until = now() + make_interval(secs => $3)
        where operator_id = $1 and key = $2 and status is null`,
      values: [operatorId, key, LEASE_SECONDS],
    }).catch(onError);
  const timer = setInterval(() => void renew(), RENEW_MS).unref();
  return () => clearInterval(timer);
}

/** Whoever ends a request clears some that are over, whosesoever: more go than come. `$1` is {@link KEPT}. */
const CLEAR = `with over as (delete from platform.idempotency_keys o where (o.operator_id, o.key) in (
    select k.operator_id, k.key from platform.idempotency_keys k where k.created_at < now() - $1::interval
    order by k.created_at limit 100 for update skip locked))`;

/**
 * Keeps the answer of a request that took place, for a day.
 * @param answer without what is shown once
 */
export async function keepAnswer(
  pool: ConnectionPool,
  { operatorId, key }: KeyedRequest,
  answer: StoredAnswer,
): Promise<void> {
  await queryRows(pool, {
    text: `${CLEAR} update platform.idempotency_keys set status = $4, headers = $5, body = $6 where operator_id = $2 and key = $3`,
    values: [KEPT, operatorId, key, answer.status, JSON.stringify(answer.headers), answer.body],
  });
}

/** It did not take place: the next one with this key is as good as the first. */
export async function dropKey(pool: ConnectionPool, { operatorId, key }: KeyedRequest): Promise<void> {
  await queryRows(pool, {
    text: `${CLEAR} delete from platform.idempotency_keys where operator_id = $2 and key = $3`,
    values: [KEPT, operatorId, key],
  });
}
