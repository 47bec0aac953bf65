import { spawn, type ChildProcess } from "node:child_process";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RowhouseError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Binaries } from "./binaries.ts";
import type { Place } from "./place.ts";
import { keepPort, pickPort } from "./port.ts";
import { isAlive, type RunAs } from "./process.ts";
import { endAtExit, endPostmaster, findPostmaster, pidFile, readPostmaster } from "./postmaster.ts";

/** Crash recovery takes as long as it takes; this is for a server that hangs. */
const READY_TIMEOUT_MS = 120_000;
const LOG_LIMIT_BYTES = 10_000_000;
const LOG_TAIL_LINES = 20;
const ATTEMPTS = 20;

/** Failures that pass: the port was taken after we tried it; processes of a killed server still hold its memory. */
const PASSING = /could not bind|could not create any TCP\/IP sockets|pre-existing shared memory block/;

export interface LaunchOptions {
  readonly place: Place;
  readonly user: RunAs | null;
  readonly binaries: Binaries;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Log;
}

export interface Launched {
  readonly pid: number;
  readonly port: number;
  /** The server has been told to end, so its end is no news. */
  expectEnd(): void;
}

function serverArgs(place: Place, port: number, settings: LaunchOptions["settings"]): string[] {
  const all = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    wal_level: "logical",
    // A move that keeps its way back open takes one of each; the defaults are for four.
    max_replication_slots: "32",
    max_wal_senders: "32",
    max_logical_replication_workers: "32",
    max_worker_processes: "48",
    logging_collector: "off",
    log_destination: "stderr",
    cluster_name: "rowhouse",
    ...settings,
  };
  return ["-D", place.cluster, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** Opens the server's log, ours alone, after moving a long one aside. @returns the file and where this start begins in it */
async function openServerLog(place: Place) {
  const size = (await stat(place.log).catch(() => null))?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) await rename(place.log, `${place.log}.1`);
  return { file: await open(place.log, "a", 0o600), from: size > LOG_LIMIT_BYTES ? 0 : size };
}

async function logTail(place: Place, from: number): Promise<string> {
  const text = (await readFile(place.log).catch(() => Buffer.alloc(0))).subarray(from).toString("utf8");
  return text.trim().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}

function failed(place: Place, details: string): RowhouseError {
  return new RowhouseError("embeddedFailed", {
    details,
    hint: `The whole log is ${place.log}. ROWHOUSE_DATA chooses another data folder, DATABASE_URL another server.`,
  });
}

/**
 * PostgreSQL takes any living process of its own user for the owner of a leftover postmaster.pid. We know better when
 * that one is a zombie or another program. The file of a dead process stays: with it PostgreSQL looks for its children.
 */
async function removeStalePidFile(cluster: string): Promise<void> {
  const stale = await readPostmaster(cluster);
  if (stale === null || (await findPostmaster(cluster)) !== null) return;
  try {
    process.kill(stale.pid, 0);
    await rm(pidFile(cluster), { force: true });
  } catch {
    // No such process, or another user's, which PostgreSQL does not mistake for a server.
  }
}

/** A group of its own, so that Ctrl-C at the terminal reaches us alone and the server ends after its last request. */
async function spawnServer(options: LaunchOptions, port: number): Promise<{ child: ChildProcess; from: number }> {
  const { place, user, binaries, settings } = options;
  const { file, from } = await openServerLog(place);
  try {
    const child = spawn(join(binaries.binDir, "postgres"), serverArgs(place, port, settings), {
      cwd: "/",
      env: binaries.env,
      stdio: ["ignore", file.fd, file.fd],
      detached: true,
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    child.unref();
    // Without an id it never ran; the wait for readiness finds that out.
    child.on("error", (error) => options.log.debug({ err: error }, "postgres could not be spawned"));
    return { child, from };
  } finally {
    await file.close();
  }
}

/** Polls, since a child that is ready says so nowhere but in postmaster.pid. @returns whether it is ready; otherwise it ended */
async function becomesReady(child: ChildProcess, cluster: string): Promise<boolean> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (child.pid !== undefined && Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null || !(await isAlive(child.pid))) return false;
    const postmaster = await readPostmaster(cluster);
    if (postmaster?.pid === child.pid && postmaster.ready) return true;
    await sleep(10);
  }
  return false;
}

function watch(child: ChildProcess, { place, log }: LaunchOptions, letGo: () => void): () => void {
  let expected = false;
  child.once("exit", (code, signal) => {
    letGo();
    if (!expected) log.error({ code, signal, serverLog: place.log }, "the embedded PostgreSQL ended by itself");
  });
  return () => void (expected = true);
}

/** One attempt. @returns the server, or the last lines of its log when it did not start */
async function attempt(options: LaunchOptions): Promise<Launched | string> {
  const { place, log } = options;
  const port = await pickPort(place);
  const { child, from } = await spawnServer(options, port);
  const letGo = endAtExit(place.cluster, child.pid ?? 0);
  if (child.pid !== undefined && (await becomesReady(child, place.cluster))) {
    await keepPort(place, port);
    return { pid: child.pid, port, expectEnd: watch(child, options, letGo) };
  }
  letGo();
  await endPostmaster(place.cluster, log, "SIGQUIT");
  return logTail(place, from);
}

/**
 * Starts the server on its data and waits until it is ready.
 * @throws RowhouseError embeddedFailed, with the last lines of the server's log
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  await removeStalePidFile(options.place.cluster);
  for (let left = ATTEMPTS - 1; ; left--) {
    const outcome = await attempt(options);
    if (typeof outcome !== "string") return outcome;
    if (left === 0 || !PASSING.test(outcome)) throw failed(options.place, outcome);
    await sleep(500);
  }
}
