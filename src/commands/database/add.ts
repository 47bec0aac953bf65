import type { Command } from "commander";
import { runChecks } from "../../checks/run.ts";
import { createDatabase } from "../../db/identity.ts";
import type { Database } from "../../db/connections.ts";
import { migrate, readDatabaseVersion } from "../../db/migrate.ts";
import { compareVersions, versionRefusal } from "../../db/schema-version.ts";
import { RowhouseError } from "../../errors.ts";
import { assertAdoptable } from "../../tenant/adopt.ts";
import { HOME, insertDatabase, listDatabases, openEntry, type DatabaseEntry } from "../../tenant/databases.ts";
import { act, addExamples } from "../action.ts";
import { plural, type Output } from "../output.ts";
import { openSession, type Session } from "../session.ts";

export interface AddOptions {
  readonly urlFrom: string;
  readonly kind: string;
  readonly peer?: string;
  readonly create?: boolean;
  readonly app?: string;
}

const NAME = /^[a-z][a-z0-9_-]{0,62}$/;
const REFERENCE = /^(env:[A-Z_][A-Z0-9_]*|file:\/.+)$/;
const PEER = /^[^\s/@]+:[0-9]{1,5}$/;

const usage = (message: string, hint: string) => new RowhouseError("usage", { message, hint });

/** Pure, but for nothing: what was typed. */
export function checkOptions(name: string, { urlFrom, kind, peer }: AddOptions): void {
  if (!NAME.test(name))
    throw usage(`Not a name for a database: ${name}`, "Lower-case letters, digits, - and _, a letter first.");
  // Whoever gives the URL itself has it in the shell's history: it is not shown a second time.
  if (!REFERENCE.test(urlFrom))
    throw usage("--url-from wants to know where the URL is, not the URL", "Write env:NAME or file:/path.");
  if (kind !== "dedicated" && kind !== "shared")
    throw usage(`Not a kind of database: ${kind}`, "dedicated: for one tenant; shared: for several.");
  if (peer !== undefined && !PEER.test(peer)) throw usage(`Not an address: ${peer}`, "Write host:port.");
}

async function assertUnknown({ platform }: Session, name: string): Promise<void> {
  const entries = await listDatabases(platform);
  if (name === HOME || entries.some((entry) => entry.name === name))
    throw new RowhouseError("databaseExists", {
      message: `A database ${name} exists`,
      hint: "`rowhouse database list` shows them. To change its address, change what its reference leads to.",
    });
}

/** Name of the database in the URL, which openEntry has read and found to be one. */
const databaseNameOf = ({ address }: Database) => decodeURIComponent(address.slice(address.indexOf("/") + 1));

async function assertIsolated(out: Output, name: string, database: Database): Promise<void> {
  const findings = (await runChecks(database)).filter(({ level }) => level === "error");
  if (findings.length === 0) return;
  for (const { title, object, fix } of findings) out.talk(`${title}: ${object}\n  fix: ${fix}`);
  throw new RowhouseError("databaseUnfit", {
    message: `The database ${name} can't be added: ${plural(findings.length, "check")} failed: ${findings.map(({ title }) => title).join("; ")}`,
    hint: `Fix what the checks say, and add it again. DATABASE_URL=… rowhouse check shows them.`,
  });
}

/** Up to the registry's schema, with the same law. */
async function prepare(out: Output, session: Session, name: string, database: Database): Promise<string[]> {
  const ran = await migrate(database, {
    appDir: session.appDir,
    onWait: () => out.talk("Another migrate is running …"),
  });
  const difference = compareVersions(await readDatabaseVersion(database), await readDatabaseVersion(session.database));
  if (difference !== null) throw versionRefusal(name, difference);
  return [...ran.platform.map((one) => `platform ${one}`), ...ran.app.map((one) => `app ${one}`)];
}

/** A database that has become one of the deployment. */
interface Added {
  readonly entry: DatabaseEntry;
  readonly created: boolean;
  readonly applied: readonly string[];
}

/**
 * Sets a database up and registers it. Everything before the entry can be done again: interrupted, the same command goes on. Used by
 * `promote --create`, too.
 */
export async function addDatabase(out: Output, session: Session, options: AddOptions, name: string): Promise<Added> {
  await assertUnknown(session, name);
  const kind = options.kind as DatabaseEntry["kind"];
  const reference = { name, kind, secretRef: options.urlFrom, address: "", peer: options.peer ?? null };
  const database = openEntry(session.database, reference);
  const created = options.create === true && (await createDatabase(database, databaseNameOf(database)));
  if (created) out.talk(`Created the database ${database.address}.`);
  await assertAdoptable(session, { name, database });
  const applied = await prepare(out, session, name, database);
  await assertIsolated(out, name, database);
  const entry = { ...reference, address: database.address };
  await insertDatabase(session.platform, entry, session.actor);
  return { entry, created, applied };
}

async function add(out: Output, options: AddOptions, name: string): Promise<void> {
  checkOptions(name, options);
  await using session = await openSession("database add", { app: options.app });
  const { entry, created, applied } = await addDatabase(out, session, options, name);
  out.answer({ ...entry, created, applied }, `${name}  ${entry.kind}  ${entry.address}`);
  out.talk(`${plural(applied.length, "migration")} applied, and the checks hold. Next: rowhouse database test ${name}`);
  out.talk(`Every server process has to find its URL at ${options.urlFrom}, too.`);
}

export function registerAddDatabase(group: Command): void {
  const command = group
    .command("add <name>")
    .description("set a database up with roles, schema and checks, and register it; again after an interruption")
    .requiredOption("--url-from <reference>", "where its owner's URL is: env:NAME or file:/path; never the URL itself")
    .option("--kind <kind>", "dedicated, for one tenant, or shared", "dedicated")
    .option("--peer <host:port>", "where the other databases reach its server, when not as the URL says")
    .option("--create", "make the database on its server, where there is none")
    .option("--app <folder>", "the app, as for migrate (default: ROWHOUSE_APP)")
    .action(act<AddOptions, [string]>(add));
  addExamples(command, [
    ["rowhouse database add big1 --url-from env:TENANT_DB_BIG1", "the environment variable holds postgres://owner:…"],
    ["rowhouse database add big1 --url-from file:/run/secrets/big1 --create", "made on that server first"],
  ]);
}
