import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { RowhouseError } from "../errors.ts";
import { readPassword } from "./cluster.ts";
import { findPlace, type Place } from "./place.ts";
import { findPostmaster, type Postmaster } from "./postmaster.ts";

/** The database that is made in the embedded server. */
export const DATABASE = "rowhouse";

const DATABASE_UNKNOWN = "3D000";
const DATABASE_TAKEN = "42P04";
const INVALID_AUTHORIZATION = /^28/;

/** Connection URL of the superuser. @throws RowhouseError embeddedFailed when the password can't be read */
export async function urlOf(place: Place, port: number, database: string): Promise<string> {
  const password = encodeURIComponent(await readPassword(place));
  return `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

/** Of a server that is ready: what takes longer is a machine that stands still, not a server that hangs. */
const CONNECT_MS = 30_000;
/**
 * Of one that may be there or not: how long a try may take, and how many there are at least. By the clock of a machine that stood still
 * for a while the time is over after the first.
 */
const TRY_MS = 2000;
const TRIES = 3;

async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
  connectionTimeoutMillis = CONNECT_MS,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, ssl: false, connectionTimeoutMillis, query_timeout: 30_000 });
  // A connection that is cut while idle must not bring the process down.
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Asks the server who it is: it must take our password and serve our folder, since its port may be another's by now.
 * @param timeoutMs how long it may take to become ready
 * @returns its version as `18.4`, or `null` when it is not ours or gives no answer
 */
export async function askVersion(place: Place, { port }: Postmaster, timeoutMs: number): Promise<string | null> {
  const url = await urlOf(place, port, "postgres");
  const folder = await realpath(place.cluster);
  const sql = "select current_setting('data_directory') as folder, current_setting('server_version') as version";
  const deadline = Date.now() + timeoutMs;
  for (let tries = 1; tries <= TRIES || Date.now() < deadline; tries++) {
    try {
      const ask = (client: pg.Client) => client.query<{ folder: string; version: string }>(sql);
      const { rows } = await withClient(url, ask, TRY_MS);
      const [row] = rows;
      if (row === undefined || (await realpath(row.folder)) !== folder) return null;
      return row.version.split(" ")[0] ?? null;
    } catch (error) {
      if (INVALID_AUTHORIZATION.test(String((error as { code?: string }).code))) return null;
      await sleep(20);
    }
  }
  return null;
}

/**
 * Makes the database unless it is there.
 * @returns its connection URL
 */
export async function ensureDatabase(place: Place, port: number, database: string): Promise<string> {
  const url = await urlOf(place, port, database);
  try {
    await withClient(url, async () => {});
    return url;
  } catch (error) {
    if ((error as { code?: string }).code !== DATABASE_UNKNOWN) throw error;
  }
  const sql = `create database ${pg.escapeIdentifier(database)} template template0 encoding 'UTF8'`;
  await withClient(await urlOf(place, port, "postgres"), (client) => client.query(sql)).catch((error: unknown) => {
    if ((error as { code?: string }).code !== DATABASE_TAKEN) throw error;
  });
  return url;
}

/**
 * For a command that runs beside the server: the connection URL of the embedded database of this data folder while it
 * is alive, otherwise `null`. Starts nothing and waits up to ten seconds for one that is just starting.
 * @throws RowhouseError embeddedFailed when the folder is another user's, or the server is alive and gives no answer
 */
export async function connectEmbedded(options: { dataDir: string; database?: string }): Promise<string | null> {
  const place = await findPlace(resolve(options.dataDir));
  const postmaster = place === null ? null : await findPostmaster(place.cluster);
  if (place === null || postmaster === null) return null;
  if ((await askVersion(place, postmaster, 10_000)) === null) {
    throw new RowhouseError("embeddedFailed", {
      message: `The embedded PostgreSQL does not answer: process ${postmaster.pid}, port ${postmaster.port}`,
      hint: `Its log is ${place.log}. Stop Rowhouse and start it again.`,
    });
  }
  return ensureDatabase(place, postmaster.port, options.database ?? DATABASE);
}
