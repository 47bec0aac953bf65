import { resolve } from "node:path";
import { userInfo } from "node:os";
import { readConfig, type Config } from "../config.ts";
import { openDatabase, type ConnectionPool, type Database } from "../db/connections.ts";
import type { Evaluation } from "./evaluation.ts";

/** What a short command works with; it closes itself at the end of an `await using` block. */
export interface Session extends AsyncDisposable {
  readonly config: Config;
  readonly database: Database;
  /** Connections of rowhouse_platform, for the control plane. */
  readonly platform: ConnectionPool;
  /** Folder of the app, absolute; null for the platform alone. */
  readonly appDir: string | null;
  /** Whether the database is the embedded one. */
  readonly embedded: boolean;
  /** Who does it, for the audit trail. */
  readonly actor: string;
  /** Where the database put its files and why, if that is worth telling. */
  readonly note: string | null;
}

export interface SessionOptions {
  /** --app */
  readonly app?: string;
  /** Make the embedded database when there is none. */
  readonly make?: boolean;
  /** The database need not be migrated yet: don't try the runtime role. */
  readonly asOwner?: boolean;
}

/** `operator:` and the name of the operating system's user. */
export function operatorName(): string {
  try {
    return `operator:${userInfo().username}`;
  } catch {
    return `operator:${process.getuid?.() ?? "unknown"}`; // a container's user may have no name
  }
}

/** Not with DATABASE_URL: whoever has a server of their own need not wait for the code that starts one. */
const loadEvaluation = () => import("./evaluation.ts");

async function appOf(config: Config, options: SessionOptions): Promise<string | null> {
  if (options.app !== undefined) return resolve(options.app);
  if (config.appDir !== null || config.DATABASE_URL !== undefined) return config.appDir;
  const { readChoice } = await loadEvaluation();
  return (await readChoice(config.dataDir)).appDir;
}

async function openUrl(config: Config, command: string, options: SessionOptions): Promise<Evaluation> {
  if (config.DATABASE_URL !== undefined)
    return { url: config.DATABASE_URL, note: null, publicUrl: null, close: async () => {} };
  const { openEvaluation } = await loadEvaluation();
  return openEvaluation(config, command, options.make ?? false);
}

/** A first connection of its own, because the pool's would fail without saying where or what to do. */
async function tryRole(database: Database): Promise<void> {
  const client = await database.connect("rowhouse_platform");
  await client.end();
}

/**
 * Opens the database that the settings name: DATABASE_URL, or the embedded one.
 * @param command its name, as `tenant create`
 * @throws RowhouseError configInvalid, databaseUnavailable, databaseMissing, embedded…
 */
export async function openSession(command: string, options: SessionOptions = {}): Promise<Session> {
  const settings = readConfig();
  const source = await openUrl(settings, command, options);
  try {
    const config = source.publicUrl === null ? settings : { ...settings, publicUrl: new URL(source.publicUrl) };
    const database = openDatabase(source.url, config.ROWHOUSE_SECRET);
    if (options.asOwner !== true) await tryRole(database);
    const platform = database.openPool("rowhouse_platform", { max: 4, waitMs: config.CONNECTION_WAIT_MS });
    return {
      config,
      database,
      platform,
      appDir: await appOf(config, options),
      embedded: config.DATABASE_URL === undefined,
      actor: operatorName(),
      note: source.note,
      [Symbol.asyncDispose]: async () => {
        await platform.end();
        await source.close();
      },
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}
