import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { PACKAGE_DIR } from "../config.ts";
import { RowhouseError } from "../errors.ts";
import type { Database } from "./connections.ts";
import {
  ensureHistory,
  readAppliedNames,
  readHistory,
  type Applied,
  type MigrationSet,
  type SetHistory,
} from "./history.ts";
import { sealOf, type Keyring } from "./keyring.ts";
import { LOCK_LIMITS, openLockWait, type Blocked, type LockLimits, type LockWait } from "./lock-wait.ts";
import { runMigrations } from "./migrations.ts";
import { applyFoundation, applyPolicies, applyRoles, applySessions } from "./policies.ts";
import { readServerVersion, type ServerVersion } from "./server-version.ts";
import { inTransaction } from "./transaction.ts";

/** Held from the first step to the last. Any number that others are unlikely to use: "rowhouse" in base 36, cut to a bigint. */
const LOCK = "2172468183722";

/** How often a migrate that waits for another one looks whether that has ended. */
const LOCK_POLL_MS = 200;

export interface RunLimits extends Partial<LockLimits> {
  /** Called when a step waits for a lock: at each attempt that was refused, and every few seconds of a long wait. */
  readonly onBlocked?: (blocked: Blocked) => void;
  /**
   * Called once, before anything is run or taken back, with what that is, as `app 0012_notes`; what it throws ends the run.
   * @param client of the owner, to look into this database
   */
  readonly admit?: (client: pg.ClientBase, migrations: readonly string[]) => Promise<void>;
}

export interface MigrateOptions extends RunLimits {
  /** Folder of the app, or null for the platform alone. */
  readonly appDir: string | null;
  readonly fake?: boolean;
  /** Leaves it to {@link announceCatalog} to tell the servers: they go on with the catalog that they have. */
  readonly silent?: boolean;
  /** Called once when another migrate is running and this one starts to wait. */
  readonly onWait?: () => void;
  readonly onVersion?: (version: ServerVersion) => void;
}

export interface MigrateResult {
  readonly platform: readonly string[];
  readonly app: readonly string[];
}

/** The sets of this deployment, the platform's first. */
export function migrationSets(appDir: string | null): MigrationSet[] {
  const platform: MigrationSet = { name: "platform", dir: join(PACKAGE_DIR, "migrations") };
  return appDir === null ? [platform] : [platform, { name: "app", dir: join(appDir, "migrations") }];
}

async function withOwner<T>(database: Database, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await database.connectOwner();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Polls: a session that waits inside `pg_advisory_lock()` has a snapshot, and the other migrate's `create index concurrently` would
 * wait for that to end, and so would both.
 */
async function takeLock(client: pg.ClientBase, onWait: (() => void) | undefined): Promise<void> {
  for (let told = false; ; told = true) {
    const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [LOCK]);
    if (rows[0]?.taken === true) return;
    if (!told) onWait?.();
    await sleep(LOCK_POLL_MS);
  }
}

/**
 * Keeps every migrate away from this database until the client's session ends, or does so no longer: for a move between two
 * databases, whose schemas have to stay equal meanwhile. Several may hold it at once.
 * @returns false when a migrate is running
 */
export async function holdSchema(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>("select pg_try_advisory_lock_shared($1) as held", [LOCK]);
  return rows[0]?.held === true;
}

/** The other side of {@link holdSchema}. */
export async function releaseSchema(client: pg.ClientBase): Promise<void> {
  await client.query("select pg_advisory_unlock_shared($1)", [LOCK]);
}

/** One at a time, with patience for locks, and gone soon when this process is: a server looks after its client only if told to. */
function withLocks<T>(
  database: Database,
  { onWait, onBlocked, lockTimeoutMs, lockWaitMs }: RunLimits & Pick<MigrateOptions, "onWait">,
  work: (client: pg.Client, locks: LockWait) => Promise<T>,
): Promise<T> {
  return withOwner(database, async (client) => {
    await client.query("set client_connection_check_interval = '2s'");
    await takeLock(client, onWait);
    await using locks = await openLockWait(database, client, {
      lockTimeoutMs: lockTimeoutMs ?? LOCK_LIMITS.lockTimeoutMs,
      lockWaitMs: lockWaitMs ?? LOCK_LIMITS.lockWaitMs,
      onBlocked,
    });
    return await work(client, locks);
  });
}

/** A deployment whose secret changed gives every tenant's context a new seal; see `policies/context.sql`. */
async function sealTenants(client: pg.ClientBase, keyring: Keyring): Promise<void> {
  const { rows } = await client.query<{ id: string; seal: Buffer }>("select id, seal from platform.tenants");
  const stale = rows
    .map(({ id, seal }) => ({ id, was: seal, seal: sealOf(keyring.tenantSecret(id)) }))
    .filter(({ was, seal }) => !was.equals(seal));
  if (stale.length === 0) return;
  await client.query(
    `update platform.tenants t set seal = n.seal, updated_at = now()
     from unnest($1::uuid[], $2::bytea[]) n (id, seal) where t.id = n.id`,
    [stale.map(({ id }) => id), stale.map(({ seal }) => seal)],
  );
}

async function asOwner<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query("set role rowhouse_owner");
  try {
    return await work();
  } finally {
    await client.query("reset role; reset search_path");
  }
}

async function readPending(client: pg.ClientBase, sets: readonly MigrationSet[]): Promise<string[]> {
  const names: string[] = [];
  for (const set of sets) {
    const { pending } = await readHistory(client, set);
    names.push(...pending.map(({ name }) => `${set.name} ${name}`));
  }
  return names;
}

/**
 * Brings the database to this Rowhouse and this app: roles, the platform's migrations, the law, the app's migrations, the law
 * again. Each set runs in one transaction (but for files that want none); the first failure ends the run and keeps nothing of
 * its set. No lock is waited for longer than `lockTimeoutMs`; a refused step is tried again. Two at once: one waits.
 * @throws RowhouseError databaseUnavailable, databaseTooOld, migrationEdited, schemaUnknown, migrationFailed, migrationBlocked,
 * tableUnprotected, keyWithoutTenant, tableUnfit
 */
export function migrate(database: Database, options: MigrateOptions): Promise<MigrateResult> {
  return withLocks(database, options, async (client, locks) => {
    options.onVersion?.(await readServerVersion(client));
    const [platformSet, appSet] = migrationSets(options.appDir);
    const pending = await readPending(client, migrationSets(options.appDir));
    if (pending.length > 0) await options.admit?.(client, pending);

    await locks.run(() => applyRoles(client, database.keyring));
    const ran: { platform: string[]; app: string[] } = { platform: [], app: [] };
    await asOwner(client, async () => {
      await locks.run(() => ensureHistory(client));
      ran.platform = await runMigrations(client, platformSet!, { direction: "up", locks });
    });
    await locks.run(() => inTransaction(client, (c) => sealTenants(c, database.keyring)));
    await locks.run(() => ensureAppHistory(client));
    await locks.run(() => applyPolicies(client, null, appSet === undefined));
    if (appSet !== undefined) {
      ran.app = await asOwner(client, () =>
        runMigrations(client, appSet, { direction: "up", fake: options.fake, locks }),
      );
      await locks.run(() => applyPolicies(client, options.appDir));
    }
    if (options.silent !== true) await announce(client);
    return ran;
  });
}

/**
 * Brings an empty database to an older version, for rows of that version: the first migrations of each set, and of the law only
 * what they call.
 */
export function migrateTo(
  database: Database,
  appDir: string | null,
  version: { readonly platform: readonly string[]; readonly app: readonly string[] },
): Promise<void> {
  return withLocks(database, {}, async (client, locks) => {
    const [platformSet, appSet] = migrationSets(appDir);
    await applyRoles(client, database.keyring);
    const run = (set: MigrationSet, count: number) =>
      asOwner(client, () => runMigrations(client, set, { direction: "up", count, locks }));
    await asOwner(client, () => ensureHistory(client));
    await run(platformSet!, version.platform.length);
    await ensureAppHistory(client);
    await applyFoundation(client);
    if (appSet !== undefined) await run(appSet, version.app.length);
  });
}

/** The grants of `policies/platform.sql` name both history tables, and the app's is made by the first run of an app. */
async function ensureAppHistory(client: pg.ClientBase): Promise<void> {
  await asOwner(client, () =>
    client.query(
      "create table if not exists platform.app_migrations (id serial primary key, name varchar(255) not null, run_on timestamp not null)",
    ),
  );
}

/** Servers read the catalog anew. */
async function announce(client: pg.ClientBase): Promise<void> {
  await client.query("notify rowhouse_catalog");
}

/**
 * Takes back the last `count` migrations of the app, or of the platform.
 * @throws RowhouseError migrationFailed, also when a file has no Down part; migrationBlocked
 */
export function migrateDown(
  database: Database,
  appDir: string | null,
  setName: "platform" | "app",
  count: number,
  limits: RunLimits = {},
): Promise<string[]> {
  return withLocks(database, limits, async (client, locks) => {
    const set = migrationSets(appDir).find(({ name }) => name === setName);
    if (set === undefined) {
      throw new RowhouseError("usage", { message: "Which app?", hint: "Name its folder: --app examples/sales" });
    }
    const { applied } = await readHistory(client, set);
    await limits.admit?.(
      client,
      applied.slice(-count).map((name) => `${set.name} ${name}`),
    );
    const ran = await asOwner(client, () => runMigrations(client, set, { direction: "down", count, locks }));
    await applySessions(client);
    await announce(client);
    return ran;
  });
}

/** What is applied and what is pending, without changing anything. */
export function migrationStatus(database: Database, appDir: string | null): Promise<SetHistory[]> {
  return withOwner(database, async (client) => {
    const histories: SetHistory[] = [];
    for (const set of migrationSets(appDir)) histories.push(await readHistory(client, set));
    return histories;
  });
}

/** Tells the servers to read the catalog anew. */
export function announceCatalog(database: Database): Promise<void> {
  return withOwner(database, announce);
}

/** What has been applied, whether this Rowhouse knows it or not. */
export function readDatabaseVersion(database: Database): Promise<Applied> {
  return withOwner(database, readAppliedNames);
}
