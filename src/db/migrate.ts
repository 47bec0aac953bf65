import { join } from "node:path";
import type pg from "pg";
import { PACKAGE_DIR } from "../config.ts";
import { RowhouseError } from "../errors.ts";
import type { Database } from "./connections.ts";
import { ensureHistory, readHistory, type MigrationSet, type SetHistory } from "./history.ts";
import { sealOf, type Keyring } from "./keyring.ts";
import { runMigrations } from "./migrations.ts";
import { applyPolicies, applyRoles } from "./policies.ts";
import { readServerVersion, type ServerVersion } from "./server-version.ts";
import { inTransaction } from "./transaction.ts";

/** Held from the first step to the last. Any number that others are unlikely to use: "rowhouse" in base 36, cut to a bigint. */
const LOCK = "2172468183722";

export interface MigrateOptions {
  /** Folder of the app, or null for the platform alone. */
  readonly appDir: string | null;
  readonly fake?: boolean;
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

async function takeLock(client: pg.ClientBase, onWait: (() => void) | undefined): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [LOCK]);
  if (rows[0]?.taken === true) return;
  onWait?.();
  await client.query("select pg_advisory_lock($1)", [LOCK]);
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

/**
 * Brings the database to this Rowhouse and this app: roles, the platform's migrations, the law, the app's migrations, the law
 * again. Each set runs in one transaction; the first failure ends the run and keeps nothing of its set. Two at once: one waits.
 * @throws RowhouseError databaseUnavailable, databaseTooOld, migrationEdited, schemaUnknown, migrationFailed,
 * tableUnprotected, keyWithoutTenant, tableUnfit
 */
export function migrate(database: Database, options: MigrateOptions): Promise<MigrateResult> {
  return withOwner(database, async (client) => {
    options.onVersion?.(await readServerVersion(client));
    await takeLock(client, options.onWait);
    await applyRoles(client, database.keyring);
    const [platformSet, appSet] = migrationSets(options.appDir);
    const ran: { platform: string[]; app: string[] } = { platform: [], app: [] };
    await asOwner(client, async () => {
      await ensureHistory(client);
      ran.platform = await runMigrations(client, platformSet!, { direction: "up" });
    });
    await inTransaction(client, (c) => sealTenants(c, database.keyring));
    await ensureAppHistory(client);
    await applyPolicies(client, null);
    if (appSet !== undefined) {
      ran.app = await asOwner(client, () => runMigrations(client, appSet, { direction: "up", fake: options.fake }));
      await applyPolicies(client, options.appDir);
    }
    await announce(client);
    return ran;
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
 * @throws RowhouseError migrationFailed, also when a file has no Down part
 */
export function migrateDown(
  database: Database,
  appDir: string | null,
  setName: "platform" | "app",
  count: number,
): Promise<string[]> {
  return withOwner(database, async (client) => {
    await takeLock(client, undefined);
    const set = migrationSets(appDir).find(({ name }) => name === setName);
    if (set === undefined) {
      throw new RowhouseError("usage", { message: "Which app?", hint: "Name its folder: --app examples/sales" });
    }
    const ran = await asOwner(client, () => runMigrations(client, set, { direction: "down", count }));
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
