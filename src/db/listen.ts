import { setTimeout } from "node:timers/promises";
import type pg from "pg";
import { cutOff, type Database } from "./connections.ts";

/** A tenant, its domains or its token secret changed; the payload is its id. */
export const TENANTS_CHANNEL = "rowhouse_tenants";
/** A signing key was made or retired; no payload. */
export const KEYS_CHANNEL = "rowhouse_keys";
/** An address of a database changed, or a tenant is about to move there; the payload is its name. */
export const DATABASES_CHANNEL = "rowhouse_databases";
/** The schema changed; no payload. */
export const CATALOG_CHANNEL = "rowhouse_catalog";
/** The same for who is used to PostgREST: nothing, or `reload schema` (PostgREST, Schema Cache Reloading). */
export const POSTGREST_CHANNEL = "pgrst";

export interface ListenOptions {
  /** What to do with a notification, per channel. */
  readonly channels: Readonly<Record<string, (payload: string) => void>>;
  /** After a connection was lost and made again: notifications may have been missed, so what they keep fresh must go. */
  onReconnect(): void;
  onLost?(error: unknown): void;
  /** How often an idle connection is asked for a sign of life: a peer that vanished without a word sends none. */
  readonly heartbeatMs?: number;
}

export interface Listener {
  close(): Promise<void>;
}

const HEARTBEAT_MS = 15_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5000;
const GOODBYE_MS = 500;

/** Channel names can't be parameters of LISTEN. */
function listenText(channels: readonly string[]): string {
  for (const channel of channels) if (!/^[a-z_]+$/.test(channel)) throw new TypeError(`Not a channel: ${channel}`);
  return channels.map((channel) => `listen ${channel}`).join("; ");
}

/** Resolves with the reason when the connection is of no more use; the heartbeat notices what the socket does not. */
async function whenLost(client: pg.Client, heartbeatMs: number): Promise<unknown> {
  const { promise, resolve: lose } = Promise.withResolvers<unknown>();
  let waiting = false;
  const beat = setInterval(() => {
    if (waiting) return lose(new Error("No answer to the heartbeat"));
    waiting = true;
    client.query("select").then(() => (waiting = false), lose);
  }, heartbeatMs);
  beat.unref();
  client.once("error", lose);
  client.once("end", () => lose(new Error("The connection ended")));
  const reason = await promise;
  clearInterval(beat);
  return reason;
}

async function endSoon(client: pg.Client): Promise<void> {
  const limit = globalThis.setTimeout(() => cutOff(client), GOODBYE_MS);
  await client.end().catch(() => {});
  clearTimeout(limit);
}

/**
 * Hears of changes on a connection of its own, for as long as the process runs.
 * @throws RowhouseError databaseUnavailable when the first connection fails; later ones are tried again without end
 */
export async function listen(database: Database, options: ListenOptions): Promise<Listener> {
  const stop = new AbortController();
  const text = listenText(Object.keys(options.channels));
  const connect = async () => {
    const client = await database.connect("rowhouse_platform");
    client.on("notification", ({ channel, payload = "" }) => options.channels[channel]?.(payload));
    try {
      await client.query(text);
      return client;
    } catch (error) {
      cutOff(client);
      throw error;
    }
  };
  const reconnect = async () => {
    for (let wait = FIRST_RETRY_MS; !stop.signal.aborted; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      await setTimeout(wait * (0.5 + Math.random() / 2), undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) break;
      const client = await connect().catch(() => undefined);
      if (client !== undefined) return client;
    }
    return undefined;
  };

  let current: pg.Client | undefined = await connect();
  void (async () => {
    while (current !== undefined && !stop.signal.aborted) {
      const error = await whenLost(current, options.heartbeatMs ?? HEARTBEAT_MS);
      if (stop.signal.aborted) return;
      options.onLost?.(error);
      cutOff(current);
      current = await reconnect();
      if (stop.signal.aborted) return current && (await endSoon(current));
      else if (current !== undefined) options.onReconnect();
    }
  })();
  return {
    // A connection that is being made at this moment ends as soon as it is there.
    close: async () => {
      stop.abort();
      if (current !== undefined) await endSoon(current);
    },
  };
}
