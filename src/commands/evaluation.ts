import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PACKAGE_DIR, type Config } from "../config.ts";
import { connectEmbedded } from "../embedded/connect.ts";
import { lockData, lockHolder, type DataLock, type LockHolder } from "../embedded/lock.ts";
import { findPlace } from "../embedded/place.ts";
import { startEmbedded, type EmbeddedServer } from "../embedded/server.ts";
import { RowhouseError } from "../errors.ts";
import { openLog } from "../log.ts";

/** The example that the evaluation database comes with. */
export const SALES_DIR = join(PACKAGE_DIR, "examples", "sales");

/** How long a command waits for another short one to give the data folder free, or for a server that is starting. */
const WAIT_MS = 60_000;

/** What was served last from a data folder, so that the commands beside it know the app without being told. */
export interface Choice {
  /** Absolute; null for the platform alone. */
  readonly appDir: string | null;
  readonly demo: boolean;
  /** The example's tenants were loaded once: who deletes one does not want it back at the next start. */
  readonly loaded?: boolean;
}

const choiceFile = (dataDir: string) => join(dataDir, "serve.json");

/** The sales example and its tenants, until `serve` was told otherwise. */
export async function readChoice(dataDir: string): Promise<Choice> {
  const text = await readFile(choiceFile(dataDir), "utf8").catch(() => "");
  try {
    const choice = JSON.parse(text) as Choice;
    return choice.demo ? { ...choice, appDir: SALES_DIR } : choice; // the checkout may have been moved
  } catch {
    return { appDir: SALES_DIR, demo: true };
  }
}

/** Keeps the choice; call it with the data folder locked. */
export async function keepChoice(dataDir: string, choice: Choice): Promise<void> {
  const draft = `${choiceFile(dataDir)}.partial`;
  await writeFile(draft, `${JSON.stringify(choice)}\n`);
  await rename(draft, choiceFile(dataDir));
}

/** The embedded database, as long as a command needs it. */
export interface Evaluation {
  readonly url: string;
  readonly note: string | null;
  /** Public address of BASE_DOMAIN as the running server says it; null when none runs. */
  readonly publicUrl: string | null;
  /** Stops the server if this command started it. */
  close(): Promise<void>;
}

/** Starts the server under the lock, and gives the lock free again when that fails. */
export async function startLocked(config: Config, lock: DataLock): Promise<EmbeddedServer> {
  try {
    return await startEmbedded({ dataDir: config.dataDir, log: openLog(config.LOG_LEVEL) });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const isServer = (holder: LockHolder | null) => holder?.command === "serve";

/** The server that `rowhouse serve` runs, once it says where it serves: before that it may still be migrating. */
async function joinServer(config: Config, holder: LockHolder): Promise<Evaluation | null> {
  const url = holder.url === undefined ? null : await connectEmbedded({ dataDir: config.dataDir });
  return url === null ? null : { url, note: null, publicUrl: holder.url ?? null, close: async () => {} };
}

/**
 * Takes the data folder for `serve`. Another `serve` has it for good, a short command only for a while.
 * @throws RowhouseError embeddedRunning
 */
export async function lockForServer(config: Config, talk: (text: string) => void): Promise<DataLock> {
  const holder = await lockHolder(config.dataDir);
  const mayEnd = holder !== null && !isServer(holder);
  if (mayEnd) talk(`Waiting for rowhouse ${holder.command}, process ${holder.pid}, to end.`);
  return lockData(config.dataDir, { command: "serve" }, { waitMs: mayEnd ? WAIT_MS : 0 });
}

async function startForCommand(config: Config, command: string): Promise<Evaluation | null> {
  let lock: DataLock;
  try {
    lock = await lockData(config.dataDir, { command });
  } catch (error) {
    if (error instanceof RowhouseError && error.kind === "embeddedRunning") return null;
    throw error;
  }
  const server = await startLocked(config, lock);
  const close = async () => {
    await server.stop();
    await lock.release();
  };
  return { url: server.url, note: server.note, publicUrl: null, close };
}

/**
 * The embedded database for a command: that of the running `serve`, or one started for the command alone. A server that
 * another short command started is never joined, since it ends with that command; this one waits for its turn instead.
 * @param command its name, for whoever finds the folder taken
 * @param make whether to make the database when there is none
 * @throws RowhouseError databaseMissing, embeddedRunning after a minute, embeddedMissing, embeddedFailed
 */
export async function openEvaluation(config: Config, command: string, make: boolean): Promise<Evaluation> {
  if (!make && (await findPlace(config.dataDir)) === null) {
    throw new RowhouseError("databaseMissing", {
      message: `There is no database: DATABASE_URL is not set, and ${config.dataDir} holds none`,
      hint: "Start one with `rowhouse serve`, or set DATABASE_URL or ROWHOUSE_DATA.",
    });
  }
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const holder = await lockHolder(config.dataDir);
    const found = isServer(holder) ? await joinServer(config, holder!) : await startForCommand(config, command);
    if (found !== null) return found;
    if (Date.now() > deadline) {
      const who = holder === null ? "another command" : `rowhouse ${holder.command}, process ${holder.pid}`;
      throw new RowhouseError("embeddedRunning", {
        message: `${config.dataDir} is in use by ${who}`,
        hint: "Try again when it has ended.",
      });
    }
    await sleep(100);
  }
}
