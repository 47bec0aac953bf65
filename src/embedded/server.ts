import { resolve } from "node:path";
import { RowhouseError } from "../errors.ts";
import type { Log } from "../log.ts";
import { prepareBinaries, type Binaries } from "./binaries.ts";
import { ensureCluster } from "./cluster.ts";
import { askVersion, DATABASE, ensureDatabase } from "./connect.ts";
import { launch, type Launched, type LaunchOptions } from "./launch.ts";
import { alreadyRunning, lockHolder } from "./lock.ts";
import { findPlace, makePlace, type Place } from "./place.ts";
import { endAtExit, endPostmaster, findPostmaster } from "./postmaster.ts";
import { chooseUser } from "./user.ts";

/** How long a server that was left behind may take to answer: one that is recovering from a crash longer. */
const ANSWER_MS = { ready: 3_000, starting: 60_000 };

export interface EmbeddedServer {
  /** `postgres://postgres:<password>@127.0.0.1:<port>/<database>` */
  readonly url: string;
  /** It was left running by a Rowhouse that was killed. */
  readonly adopted: boolean;
  /** PostgreSQL's version, as `18.4`. */
  readonly version: string;
  /** Where the data are: the configured folder, unless `note` says why not. */
  readonly dataDir: string;
  readonly binDir: string;
  /** What the user should know, as where data or binaries were put and why. */
  readonly note: string | null;
  /** Fast shutdown; returns when the server has ended. May be called again. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** The data folder; made if missing. */
  dataDir: string;
  log: Log;
  /** Folder of another `postgres` and `initdb` than the installed package's, as /usr/lib/postgresql/15/bin. */
  binDir?: string;
  /** More server settings, which win over ours. */
  settings?: Record<string, string>;
  /** The database in the URL, made if missing; `rowhouse` by default. */
  database?: string;
}

/** Another process that holds the data folder also owns the server on it: adopting that one would end it under its feet. */
async function refuseWhileHeld(dataDir: string): Promise<void> {
  const holder = await lockHolder(dataDir);
  if (holder !== null && holder.pid !== process.pid) throw alreadyRunning(dataDir, holder);
}

/** Takes over the server that a killed Rowhouse left. One that does not answer, or is of another version, is ended instead. */
async function adopt(place: Place, binaries: Binaries, log: Log): Promise<Launched | null> {
  const postmaster = await findPostmaster(place.cluster);
  if (postmaster === null) return null;
  const version = await askVersion(place, postmaster, postmaster.ready ? ANSWER_MS.ready : ANSWER_MS.starting);
  if (version === binaries.version) {
    const expectEnd = endAtExit(place.cluster, postmaster.pid);
    return { pid: postmaster.pid, port: postmaster.port, expectEnd };
  }
  log.warn({ pid: postmaster.pid, version }, "ending a PostgreSQL that was left behind and can't be adopted");
  await endPostmaster(place.cluster, log, version === null ? "SIGQUIT" : "SIGINT");
  return null;
}

function stopper({ place, log }: LaunchOptions, server: Launched): () => Promise<void> {
  let stopping: Promise<void> | null = null;
  const stop = async () => {
    server.expectEnd();
    // A later server on the same folder is not ours to end.
    if ((await findPostmaster(place.cluster))?.pid === server.pid) await endPostmaster(place.cluster, log);
  };
  return () => (stopping ??= stop());
}

/** The URL of the server's database. A server that fails here is ended: the caller gets nothing to stop it with. */
async function openDatabase(
  place: Place,
  server: Launched,
  database: string,
  stop: () => Promise<void>,
): Promise<string> {
  try {
    return await ensureDatabase(place, server.port, database);
  } catch (error) {
    await stop();
    if (error instanceof RowhouseError) throw error;
    throw new RowhouseError("embeddedFailed", {
      message: "The embedded PostgreSQL started but refuses connections",
      details: (error as Error).message,
      hint: `Its log is ${place.log}, the password it should take is in ${place.password}.`,
      cause: error,
    });
  }
}

async function open(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { log, binDir, settings = {}, database = DATABASE } = options;
  const dataDir = resolve(options.dataDir);
  await refuseWhileHeld(dataDir);
  const found = await findPlace(dataDir);
  const user = await chooseUser(found?.cluster ?? null);
  const place = found ?? (await makePlace(dataDir, user));
  const binaries = await prepareBinaries(place, user, binDir);
  const adopted = await adopt(place, binaries, log);
  await ensureCluster(place, user, binaries, log);
  const launchOptions = { place, user, binaries, settings, log };
  const server = adopted ?? (await launch(launchOptions));
  const stop = stopper(launchOptions, server);
  const url = await openDatabase(place, server, database, stop);
  log.debug({ pid: server.pid, port: server.port, adopted: adopted !== null }, "the embedded PostgreSQL is ready");
  const note = [place.note, binaries.note].filter((text) => text !== null).join(" ") || null;
  const { version, binDir: used } = binaries;
  return { url, adopted: adopted !== null, version, dataDir: place.home, binDir: used, note, stop };
}

/**
 * Starts the embedded PostgreSQL on its data, making both at the first start, or adopts the one that a killed Rowhouse
 * left running. Take the folder with `lockData` first; this does not, and only refuses while another process holds it.
 * Never throws with a server left running.
 * @throws RowhouseError embeddedRunning, embeddedMissing, embeddedFailed (with the last lines of the server's log)
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  try {
    return await open(options);
  } catch (error) {
    if (error instanceof RowhouseError) throw error;
    const details = (error as Error).message;
    const hint = "Look at the owner and mode of the data folder, or choose another one with ROWHOUSE_DATA.";
    throw new RowhouseError("embeddedFailed", { details, hint, cause: error });
  }
}
