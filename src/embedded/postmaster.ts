import { readFileSync } from "node:fs";
import { readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import { RowhouseError } from "../errors.ts";
import type { Log } from "../log.ts";
import { isAlive, run, waitForEnd } from "./process.ts";

/** The server's first process, as its `postmaster.pid` tells. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** It accepts connections. */
  readonly ready: boolean;
}

/** How long each signal may take, in milliseconds: fast shutdown, immediate shutdown (crash recovery follows), kill. */
const SHUTDOWN = [
  { signal: "SIGINT", waitMs: 10_000 },
  { signal: "SIGQUIT", waitMs: 10_000 },
  { signal: "SIGKILL", waitMs: 5_000 },
] as const;

export const pidFile = (cluster: string) => join(cluster, "postmaster.pid");

/** Lines: pid, data directory, start time, port, socket directory, listen address, shared memory, status. */
export async function readPostmaster(cluster: string): Promise<Postmaster | null> {
  const text = await readFile(pidFile(cluster), "utf8").catch(() => "");
  const lines = text.split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return pid > 0 ? { pid, port, ready: lines[7]?.trim() === "ready" } : null;
}

/** Whether the process is a server on this very folder, and not another program that was given a dead one's id. */
async function serves(pid: number, cluster: string): Promise<boolean> {
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null);
  if (folder !== null) return folder === (await realpath(cluster));
  const { output } = await run("ps", ["-o", "command=", "-p", String(pid)]);
  return output.includes("postgres") && output.includes(cluster);
}

/** The living server of this folder, if there is one. */
export async function findPostmaster(cluster: string): Promise<Postmaster | null> {
  const postmaster = await readPostmaster(cluster);
  if (postmaster === null || !(await isAlive(postmaster.pid))) return null;
  return (await serves(postmaster.pid, cluster)) ? postmaster : null;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Ends the server of this folder if it runs: sessions are cut off, what is committed stays.
 * @param from the signal to begin with; SIGQUIT for a server that does not answer
 * @throws RowhouseError embeddedFailed when nothing ends it
 */
export async function endPostmaster(cluster: string, log: Log, from: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
  const pid = (await findPostmaster(cluster))?.pid;
  if (pid === undefined) return;
  for (const step of SHUTDOWN.slice(from === "SIGINT" ? 0 : 1)) {
    signal(pid, step.signal);
    // A suspended process takes no signal until it is woken.
    signal(pid, "SIGCONT");
    if (await waitForEnd(pid, step.waitMs)) return;
    log.warn({ pid, signal: step.signal }, "the embedded PostgreSQL did not end");
  }
  throw new RowhouseError("embeddedFailed", {
    message: `The embedded PostgreSQL does not end: process ${pid}`,
    hint: `End process ${pid}, then start again.`,
  });
}

/**
 * Lets the server end with this process, should nobody have stopped it.
 * @returns takes that back
 */
export function endAtExit(cluster: string, pid: number): () => void {
  const end = () => {
    try {
      // The file goes with its server: with it we know that the id is still its own.
      if (Number.parseInt(readFileSync(pidFile(cluster), "utf8"), 10) === pid) process.kill(pid, "SIGINT");
    } catch {
      // It has ended already.
    }
  };
  process.once("exit", end);
  return () => void process.removeListener("exit", end);
}
