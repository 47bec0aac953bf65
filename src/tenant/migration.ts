import type { ConnectionPool, Database } from "../db/connections.ts";
import type { Applied, SetHistory } from "../db/history.ts";
import { announceCatalog, migrate, migrationStatus, readDatabaseVersion, type RunLimits } from "../db/migrate.ts";
import type { Blocked } from "../db/lock-wait.ts";
import { RowhouseError } from "../errors.ts";
import { HOME, listDatabases, openEntry, type DatabaseEntry } from "./databases.ts";
import { assertNoMove } from "./move-freeze.ts";

/** What became of one database. */
export interface DatabaseRun {
  readonly database: string;
  /** Host, port and name, for people. */
  readonly address: string;
  /** `skipped`: nothing was tried, because the registry's database failed. */
  readonly outcome: "migrated" | "current" | "pending" | "failed" | "skipped";
  /** Null where it could not be read. */
  readonly before: Applied | null;
  readonly after: Applied | null;
  /** As `app 0012_notes`, in the order they ran. */
  readonly applied: readonly string[];
  /** What is left to run, with its SQL. */
  readonly pending: readonly PendingMigration[];
  readonly warnings: readonly string[];
  readonly seconds: number;
  readonly error: unknown;
}

export interface PendingMigration {
  readonly set: "platform" | "app";
  readonly name: string;
  readonly sql: string;
}

export type MigrationEvent =
  | { readonly event: "started" | "waiting"; readonly database: string }
  | ({ readonly event: "blocked"; readonly database: string } & Blocked)
  | { readonly event: "done"; readonly run: DatabaseRun };

export interface MigrationOptions extends Pick<RunLimits, "lockTimeoutMs" | "lockWaitMs"> {
  /** The registry's. */
  readonly home: Database;
  /** Control plane of the registry's database. */
  readonly platform: ConnectionPool;
  readonly appDir: string | null;
  /** `look` changes nothing. */
  readonly mode: "run" | "look";
  /** How many databases at the same time. */
  readonly concurrency: number;
  /** Also while a tenant is being moved, and also ahead of the registry's database. */
  readonly force?: boolean;
  /** Whether no other database is to be migrated after this one. */
  readonly isLast?: boolean;
  readonly onEvent?: (event: MigrationEvent) => void;
}

const HOME_ENTRY: DatabaseEntry = { name: HOME, kind: "shared", secretRef: null, address: "DATABASE_URL", peer: null };

/** Pure. */
export function pendingOf(histories: readonly SetHistory[]): PendingMigration[] {
  return histories.flatMap(({ set, pending }) =>
    pending.map(({ name, up }) => ({ set: set.name, name, sql: up.trim() })),
  );
}

type Found = Pick<DatabaseRun, "outcome" | "before" | "after" | "applied" | "pending" | "warnings">;

async function look(database: Database, { appDir }: MigrationOptions): Promise<Found> {
  const pending = pendingOf(await migrationStatus(database, appDir));
  const version = await readDatabaseVersion(database);
  const outcome = pending.length === 0 ? "current" : "pending";
  return { outcome, before: version, after: version, applied: [], pending, warnings: [] };
}

async function run(database: Database, name: string, options: MigrationOptions): Promise<Found> {
  const { appDir, platform, lockTimeoutMs, lockWaitMs, onEvent } = options;
  const before = await readDatabaseVersion(database);
  const warnings: string[] = [];
  const ran = await migrate(database, {
    appDir,
    lockTimeoutMs,
    lockWaitMs,
    silent: name === HOME && options.isLast !== true,
    onWait: () => onEvent?.({ event: "waiting", database: name }),
    onBlocked: (blocked) => onEvent?.({ event: "blocked", database: name, ...blocked }),
    admit: async (client, migrations) => {
      if (options.force !== true)
        warnings.push(...(await assertNoMove(name === HOME ? client : platform, name, migrations)));
    },
  });
  const applied = [...ran.platform.map((one) => `platform ${one}`), ...ran.app.map((one) => `app ${one}`)];
  const after = await readDatabaseVersion(database);
  return { outcome: applied.length === 0 ? "current" : "migrated", before, after, applied, pending: [], warnings };
}

/** Never rejects: a database that fails is told of, and the others go on. */
async function runOne(entry: DatabaseEntry, options: MigrationOptions): Promise<DatabaseRun> {
  const start = performance.now();
  const nothing: Found = { outcome: "failed", before: null, after: null, applied: [], pending: [], warnings: [] };
  const end = (found: Found, address: string, error: unknown): DatabaseRun => {
    const seconds = Math.round(performance.now() - start) / 1000;
    const ended = { database: entry.name, address, ...found, seconds, error };
    options.onEvent?.({ event: "done", run: ended });
    return ended;
  };
  let address = entry.address;
  let database: Database | null = null;
  try {
    options.onEvent?.({ event: "started", database: entry.name });
    database = openEntry(options.home, entry);
    address = database.address;
    const found = options.mode === "look" ? await look(database, options) : await run(database, entry.name, options);
    return end(found, address, null);
  } catch (error) {
    // What a file without a transaction, or an earlier set, had got to.
    const after = database === null ? null : await readDatabaseVersion(database).catch(() => null);
    return end({ ...nothing, after }, address, error);
  }
}

/** @param limit how many at the same time */
async function eachAtMost<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** The databases besides the registry's; none while that is older than the list of them. */
async function listOthers(platform: ConnectionPool, home: Applied | null): Promise<DatabaseEntry[]> {
  if (home?.platform.includes("0003_placement") !== true) return [];
  return (await listDatabases(platform)).filter(({ name }) => name !== HOME);
}

const skipped = ({ name, address }: DatabaseEntry): DatabaseRun => ({
  database: name,
  address,
  outcome: "skipped",
  before: null,
  after: null,
  applied: [],
  pending: [],
  warnings: [],
  seconds: 0,
  error: null,
});

/**
 * Migrates every database of the deployment, or looks what is pending in each. The registry's comes first and alone: servers measure
 * the others by it, so when it fails, nothing else is run. They hear of it when all are done: until then they write their statements
 * by the catalog that all databases have. Of the others, one that fails stops none. Again, it does the rest.
 * @returns one result per database, the registry's first; never rejects because of a database
 */
export async function migrateAll(options: MigrationOptions): Promise<DatabaseRun[]> {
  const home = await runOne(HOME_ENTRY, options);
  // Without the registry's word there are no names to tell.
  const others = await listOthers(options.platform, home.after).catch(() => []);
  if (home.outcome === "failed") return [home, ...others.map(skipped)];
  const runs = [home, ...(await eachAtMost(others, options.concurrency, (entry) => runOne(entry, options)))];
  if (options.mode === "run") await announceCatalog(options.home);
  return runs;
}

/**
 * Migrates one database that is not the registry's, or looks what is pending in it.
 * @throws RowhouseError migrationPending when the registry's database has to go first
 */
export async function migrateOne(entry: DatabaseEntry, options: MigrationOptions): Promise<DatabaseRun> {
  if (entry.name !== HOME && options.mode === "run" && options.force !== true) {
    const pending = pendingOf(await migrationStatus(options.home, options.appDir));
    if (pending.length > 0) {
      throw new RowhouseError("migrationPending", {
        message: `The database ${HOME} comes first: ${pending.map(({ set, name }) => `${set} ${name}`).join(", ")}`,
        hint: "Run `rowhouse migrate --all`. Servers refuse a database that is ahead of it; --force migrates this one all the same.",
      });
    }
  }
  return runOne(entry, { ...options, isLast: true });
}
