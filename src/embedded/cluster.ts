import { randomBytes } from "node:crypto";
import { chown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RowhouseError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Binaries } from "./binaries.ts";
import { clusterMajor, type Place } from "./place.ts";
import { run, type Outcome, type RunAs } from "./process.ts";

/** Folders of this prefix hold a database in the making. */
const DRAFT = ".rowhouse-init-";

/**
 * The superuser's password.
 * @throws RowhouseError embeddedFailed when the file is gone or another user's
 */
export async function readPassword(place: Place): Promise<string> {
  try {
    return (await readFile(place.password, "utf8")).trim();
  } catch (error) {
    throw new RowhouseError("embeddedFailed", {
      message: `The embedded database's password can't be read from ${place.password}`,
      details: (error as Error).message,
      hint: `Run Rowhouse as the user that made it; or remove ${place.home}, with all its data, to start afresh.`,
      cause: error,
    });
  }
}

/** Makes the password unless a start that was cut short made it. */
async function makePassword(place: Place): Promise<string> {
  const password = randomBytes(24).toString("base64url");
  await writeFile(place.password, `${password}\n`, { mode: 0o600, flag: "wx", flush: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    },
  );
  const kept = await readPassword(place);
  if (kept !== "") return kept;
  await writeFile(place.password, `${password}\n`);
  return password;
}

/**
 * From 17 on the server's own C.UTF-8, which sorts the same everywhere; the bundled ICU and the machine's libc would not
 * match those of a later real server. Below, libc's C.UTF-8 or, where there is none, C.
 */
function localeChoices(major: number): string[][] {
  if (major >= 17) return [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]];
  return [["--locale=C.UTF-8"], ["--locale=C"]];
}

async function initdb(draft: string, user: RunAs | null, binaries: Binaries): Promise<Outcome> {
  const where = ["-D", join(draft, "data"), "--username=postgres", `--pwfile=${join(draft, "password")}`];
  const fixed = [...where, "--auth=scram-sha-256", "--encoding=UTF8", "--lc-messages=C", "--no-instructions"];
  let outcome: Outcome = { ok: false, output: "" };
  for (const locale of localeChoices(binaries.major)) {
    outcome = await run(join(binaries.binDir, "initdb"), [...fixed, ...locale], { user, env: binaries.env });
    if (outcome.ok || !/invalid locale/.test(outcome.output)) break;
  }
  return outcome;
}

/** Removes what a start that was killed while it made the database left behind. */
async function sweep(place: Place): Promise<void> {
  const left = (await readdir(place.home)).filter((name) => name.startsWith(DRAFT));
  for (const name of left) await rm(join(place.home, name), { recursive: true, force: true, maxRetries: 5 });
}

/** A folder that only the user that runs PostgreSQL may enter, with the password that initdb wants to read from a file. */
async function makeDraft(place: Place, user: RunAs | null): Promise<string> {
  // Never the same twice: the initdb of a killed start may still be writing to its own.
  const draft = await mkdtemp(join(place.home, DRAFT));
  const pwfile = join(draft, "password");
  await writeFile(pwfile, `${await makePassword(place)}\n`, { mode: 0o600 });
  if (user !== null) for (const path of [pwfile, draft]) await chown(path, user.uid, user.gid);
  return draft;
}

/** Makes the cluster beside its place and moves it there when it is whole: one cut short is never taken for data. */
async function makeCluster(place: Place, user: RunAs | null, binaries: Binaries): Promise<void> {
  try {
    const draft = await makeDraft(place, user);
    const { ok, output } = await initdb(draft, user, binaries);
    if (!ok) throw new Error(output);
    await rename(join(draft, "data"), place.cluster);
  } catch (error) {
    throw new RowhouseError("embeddedFailed", {
      message: `The embedded database could not be made in ${place.home}`,
      details: (error as Error).message,
      hint: "Look for a full disk or a read-only folder; ROWHOUSE_DATA chooses another one.",
      cause: error,
    });
  } finally {
    await sweep(place);
  }
}

/** What lies in the cluster's place and is no cluster can't be our half-made one: it is moved aside, never removed. */
async function moveAside(place: Place, log: Log): Promise<void> {
  if ((await stat(place.cluster).catch(() => null)) === null) return;
  const aside = `${place.cluster}.aside-${Date.now()}`;
  await rename(place.cluster, aside);
  log.warn({ aside }, "moved aside what was not a whole database");
}

/**
 * Makes the database's files unless they are there.
 * @throws RowhouseError embeddedFailed, also when they are of another major version than the binaries
 */
export async function ensureCluster(place: Place, user: RunAs | null, binaries: Binaries, log: Log): Promise<void> {
  await sweep(place);
  const major = await clusterMajor(place.cluster);
  if (major === binaries.major && (await stat(join(place.cluster, "global", "pg_control")).catch(() => null)) !== null)
    return;
  if (major === null || major === binaries.major || Number.isNaN(major)) {
    await moveAside(place, log);
    await makeCluster(place, user, binaries);
    return;
  }
  throw new RowhouseError("embeddedFailed", {
    message: `The data in ${place.cluster} are of PostgreSQL ${major}; the installed one is ${binaries.major}`,
    details: `${binaries.binDir} holds ${binaries.version}.`,
    hint:
      `Export the tenants with the Rowhouse that brings PostgreSQL ${major}, move the folder away, and restore them; ` +
      "or choose another folder with ROWHOUSE_DATA.",
  });
}
