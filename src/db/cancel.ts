import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { DbClient } from "./connections.ts";

/** Whoever waits for an answer, and may stop waiting. */
export interface Waiter {
  isGone(): boolean;
  /** @returns takes the listener back */
  onGone(listener: () => void): () => void;
}

/** What pg knows of a connection and does not type. */
interface Backend {
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean | object;
}

/** How long a server may take to close the connection of a cancel request. */
const ANSWER_MS = 2000;
/** A request that came before the statement began changed nothing, and is sent again. */
const AGAIN_MS = 200;

/**
 * Sends a cancel request (PostgreSQL manual, 55.2.9), which is no statement: pg_cancel_backend() is nobody's to call. The server closes the
 * connection once the signal is on its way.
 * @returns whether it did: only then can no signal come later
 */
async function requestCancel(client: DbClient): Promise<boolean> {
  const { processID, secretKey, host, port, ssl } = client as unknown as Backend;
  if (processID === null || secretKey === null) return false;
  const connection = new pg.Connection({ ssl } as pg.ConnectionConfig) as pg.Connection & {
    connect(port: number, host: string): void;
    requestSsl(): void;
    cancel(pid: number, key: number): void;
  };
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let isSent = false;
  const send = () => {
    isSent = true;
    connection.cancel(processID, secretKey);
  };
  const limit = setTimeout(() => {
    resolve(false);
    connection.stream.destroy();
  }, ANSWER_MS);
  connection.on("error", () => resolve(false));
  connection.once("connect", () => (ssl === false ? send() : connection.requestSsl()));
  connection.once("sslconnect", send);
  connection.once("end", () => resolve(isSent));
  if (host.startsWith("/")) connection.connect(`${host}/.s.PGSQL.${port}` as unknown as number, "");
  else connection.connect(port, host);
  const isAnswered = await promise;
  clearTimeout(limit);
  return isAnswered;
}

/** Until the work is over. @returns whether the connection can be used again */
async function cancelUntil(client: DbClient, done: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  const over = done.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  while (!isOver) {
    if (!(await requestCancel(client))) return false;
    await Promise.race([over, sleep(AGAIN_MS, undefined, { ref: false })]);
  }
  return true;
}

/**
 * Cancels what runs on the connection when nobody waits for it any more.
 * @returns to be called when it is over: null when nothing was cancelled; otherwise whether the connection can be used again, which
 * is told once no request is under way, so that none ever hits what runs next
 */
export function cancelWhenGone(
  waiter: Waiter,
  client: DbClient,
  done: Promise<unknown>,
): () => Promise<boolean> | null {
  let cancelling: Promise<boolean> | null = null;
  const forget = waiter.onGone(() => {
    cancelling ??= cancelUntil(client, done).catch(() => false);
  });
  return () => {
    forget();
    return cancelling;
  };
}
