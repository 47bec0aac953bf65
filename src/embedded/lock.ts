import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RowhouseError } from "../errors.ts";
import { makeDataFolder, unusable } from "./place.ts";
import { isAlive, startOf } from "./process.ts";

/** What a holder tells about itself, for the message that a second start gets. */
export interface LockFacts {
  /** The command that holds it, as `serve` or `export`. */
  readonly command?: string;
  /** Where it serves. */
  readonly url?: string;
}

export interface LockHolder extends LockFacts {
  readonly pid: number;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
}

export interface DataLock {
  /** Adds facts, as the URL once it is listened on. */
  describe(facts: LockFacts): Promise<void>;
  /** Gives the folder free. May be called again. */
  release(): Promise<void>;
}

interface Entry extends LockHolder {
  /** {@link startOf} of the holder: tells it from a later process of the same id. */
  readonly start: string | null;
  readonly token: string;
}

const fileOf = (dataDir: string) => join(resolve(dataDir), "rowhouse.lock");

async function readEntry(path: string): Promise<Entry | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw unusable(path, error);
  });
  if (text === null) return null;
  try {
    return JSON.parse(text) as Entry;
  } catch {
    // Entries appear whole, so this one was written by a full disk or by somebody else: nobody holds it.
    return { pid: 0, since: "", start: null, token: "unreadable" };
  }
}

async function isHeld(entry: Entry): Promise<boolean> {
  if (!(await isAlive(entry.pid))) return false;
  const start = await startOf(entry.pid);
  return start === null || entry.start === null || start === entry.start;
}

/** Links `draft` to `path`: unlike an exclusive open, the file appears together with its content. */
async function appears(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Makes `mine` the entry at `path`.
 * @returns the living holder that stands in the way, or `null` when it is ours
 */
async function acquire(path: string, mine: Entry): Promise<Entry | null> {
  const draft = `${path}.${mine.token}`;
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    while (!(await appears(draft, path))) {
      const entry = await readEntry(path);
      if (entry === null) continue;
      if (await isHeld(entry)) return entry;
      if (await replaceStale(path, entry, draft, mine)) return null;
    }
    return null;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Puts `draft` in the place of a stale entry. Of several that find it stale, the one that holds the claim named after
 * that very entry may do so, and looks again first; a claim is a lock like any other, so a dead claimant is no obstacle.
 */
async function replaceStale(path: string, stale: Entry, draft: string, mine: Entry): Promise<boolean> {
  const claim = `${path}.${stale.token}.claim`;
  if ((await acquire(claim, mine)) !== null) {
    await sleep(10);
    return false;
  }
  try {
    if ((await readEntry(path))?.token !== stale.token) return false;
    await rename(draft, path);
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

function held(path: string, mine: Entry): DataLock {
  let entry = mine;
  let last: Promise<void> = Promise.resolve();
  let released = false;
  // One after the other: a description that came after the release would bring the lock back.
  const queue = (step: () => Promise<void>) => (last = last.catch(() => {}).then(step));
  return {
    describe: (facts) =>
      queue(async () => {
        if (released) return;
        entry = { ...entry, ...facts };
        await writeFile(`${path}.${mine.token}`, JSON.stringify(entry), { mode: 0o600 });
        await rename(`${path}.${mine.token}`, path);
      }),
    release: () =>
      queue(async () => {
        if (!released && (await readEntry(path))?.token === mine.token) await rm(path, { force: true });
        released = true;
      }),
  };
}

/** The refusal that a holder causes. */
export function alreadyRunning(dataDir: string, holder: LockHolder): RowhouseError {
  const what = holder.command === undefined ? "Rowhouse" : `rowhouse ${holder.command}`;
  const where = holder.url === undefined ? "" : `, at ${holder.url}`;
  return new RowhouseError("embeddedRunning", {
    message: `${what} is running on ${resolve(dataDir)}: process ${holder.pid}${where}`,
    details: `since ${holder.since}`,
    hint: "Stop it first, or choose another folder with ROWHOUSE_DATA.",
  });
}

/** Who holds the data folder now, if anybody does. @throws RowhouseError embeddedFailed when the folder is another user's */
export async function lockHolder(dataDir: string): Promise<LockHolder | null> {
  const entry = await readEntry(fileOf(dataDir));
  return entry !== null && (await isHeld(entry)) ? entry : null;
}

/**
 * Takes the data folder (made if missing) for this process; the lock of a dead one is taken over.
 * Whoever starts the embedded server takes it first.
 * @param options.waitMs how long to wait for a living holder; 0 by default
 * @throws RowhouseError embeddedRunning (names the process and, if known, its URL), embeddedFailed (folder not writable)
 */
export async function lockData(
  dataDir: string,
  facts: LockFacts = {},
  { waitMs = 0 }: { waitMs?: number } = {},
): Promise<DataLock> {
  await makeDataFolder(resolve(dataDir));
  const identity = { pid: process.pid, since: new Date().toISOString(), start: await startOf(process.pid) };
  const mine: Entry = { ...facts, ...identity, token: randomBytes(6).toString("hex") };
  const deadline = Date.now() + waitMs;
  for (;;) {
    const holder = await acquire(fileOf(dataDir), mine);
    if (holder === null) return held(fileOf(dataDir), mine);
    if (Date.now() >= deadline) throw alreadyRunning(dataDir, holder);
    await sleep(20);
  }
}
