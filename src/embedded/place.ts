import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { RowhouseError } from "../errors.ts";
import type { RunAs } from "./process.ts";
import { canEnter, isRoot } from "./user.ts";

/** For root: where the user that runs PostgreSQL can go when it can't enter the checkout. Only root writes in it. */
export const SYSTEM_DIR = "/var/lib/rowhouse";

/** Where the parts of one embedded database lie. */
export interface Place {
  /** Holds the rest; ours, not of the user that runs PostgreSQL, so that nothing in it can be swapped under root's feet. */
  readonly home: string;
  /** PostgreSQL's data directory, mode 700, of the user that runs it. */
  readonly cluster: string;
  readonly password: string;
  readonly port: string;
  readonly log: string;
  /** Links to shared libraries, when the package's own folder is read-only. */
  readonly links: string;
  /** Why the home is not the configured folder. */
  readonly note: string | null;
}

function placeAt(home: string, note: string | null = null): Place {
  const at = (name: string) => join(home, name);
  const cluster = at("postgres");
  return {
    home,
    cluster,
    password: at("password"),
    port: at("port"),
    log: at("postgres.log"),
    links: at("links"),
    note,
  };
}

function elsewhere(dataDir: string): Place {
  const home = join(SYSTEM_DIR, createHash("sha256").update(dataDir).digest("hex").slice(0, 12));
  return placeAt(home, `The database's files are in ${home}: the user that runs PostgreSQL can't enter ${dataDir}.`);
}

/** The refusal of a folder, or a file in it, that we may not read or write. */
export function unusable(folder: string, cause: unknown): RowhouseError {
  return new RowhouseError("embeddedFailed", {
    message: `The data folder can't be used: ${folder}`,
    details: (cause as Error).message,
    hint: "Run Rowhouse as the user that owns it, or choose another folder with ROWHOUSE_DATA.",
    cause,
  });
}

/** Makes the folder with this mode, whatever the umask. One that holds something keeps its mode: it may be more than ours. */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode });
  if ((await readdir(folder)).length === 0) await chmod(folder, mode);
}

/**
 * Makes the data folder. Root's may be passed through, by the user that runs PostgreSQL, but not listed.
 * @throws RowhouseError embeddedFailed when it can't be made or written to
 */
export async function makeDataFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder, isRoot() ? 0o711 : 0o700);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(folder, error);
  }
}

/**
 * The major version of the PostgreSQL that made this data directory; `null` when it is none.
 * @throws RowhouseError embeddedFailed when it is another user's
 */
export async function clusterMajor(cluster: string): Promise<number | null> {
  try {
    return Number.parseInt(await readFile(join(cluster, "PG_VERSION"), "utf8"), 10);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw unusable(cluster, error);
  }
}

/**
 * The place of the database that was made for this data folder, if one was.
 * @param dataDir absolute
 * @throws RowhouseError embeddedFailed when it is another user's
 */
export async function findPlace(dataDir: string): Promise<Place | null> {
  const places = isRoot() ? [placeAt(dataDir), elsewhere(dataDir)] : [placeAt(dataDir)];
  for (const place of places) {
    if ((await clusterMajor(place.cluster)) !== null) return place;
  }
  return null;
}

/**
 * A place for a new database: the data folder, or for root, when `user` can't enter that, a folder of its own.
 * @throws RowhouseError embeddedFailed when none can be made
 */
export async function makePlace(dataDir: string, user: RunAs | null): Promise<Place> {
  await makeDataFolder(dataDir);
  if (user === null || (await canEnter(user, dataDir))) return placeAt(dataDir);
  const place = elsewhere(dataDir);
  await makeSystemFolder();
  await makeDataFolder(place.home);
  return place;
}

/** Makes {@link SYSTEM_DIR}. @throws RowhouseError embeddedFailed */
export async function makeSystemFolder(): Promise<void> {
  await makeFolder(SYSTEM_DIR, 0o755).catch((error: unknown) => {
    throw new RowhouseError("embeddedFailed", {
      message: `The user that runs PostgreSQL can't enter the checkout, and ${SYSTEM_DIR} can't be made`,
      details: (error as Error).message,
      hint: "Move the checkout to a folder that every user may enter, and the data with ROWHOUSE_DATA.",
      cause: error,
    });
  });
}
