import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { inject } from "vitest";
import { openDatabase, type ConnectionPool, type Database } from "../src/db/connections.ts";
import { makeScope, type Scope } from "../src/db/scope.ts";
import { findTenant } from "../src/tenant/change.ts";
import type { Tenant } from "../src/tenant/tenant.ts";

export const SALES = join(import.meta.dirname, "../examples/sales");
/** How long a test waits for a server, which may stand still for seconds, where the wait is not what is tested. */
export const PATIENCE_MS = 60_000;
/** Roles belong to the cluster, so every database of a test run has to derive the same passwords. */
export const TEST_SECRET = "a-secret-for-tests-only";

export function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  /** Control plane. */
  readonly platform: ConnectionPool;
  /** Requests. */
  readonly api: ConnectionPool;
  tenant(slug: string): Promise<Tenant>;
  scope(slug: string, role?: string): Promise<Scope>;
  /** As the superuser who runs the tests: sees every row, so only for looking and for breaking things. */
  admin: pg.Client;
  /**
   * One more database of the deployment, migrated and without tenants, registered under this name with its address in a file.
   * Closes with this one.
   * @param kind `dedicated` when left out
   */
  dedicated(name: string, kind?: "shared" | "dedicated"): Promise<DedicatedDatabase>;
  close(): Promise<void>;
}

export interface DedicatedDatabase {
  /** In the registry. */
  readonly name: string;
  readonly url: string;
  /** `file:` of a temporary folder, which holds `url`. */
  readonly secretRef: string;
  readonly database: Database;
  readonly platform: ConnectionPool;
  readonly admin: pg.Client;
}

/** Grants on a database are not copied with it (CREATE DATABASE, Notes), and roles.sql would give them on a migrate. */
export function grantsOf(name: string): string {
  return `revoke all on database ${name} from public;
    grant connect on database ${name} to rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
    grant temporary on database ${name} to rowhouse_importer; grant create on database ${name} to rowhouse_owner`;
}

interface Own extends DedicatedDatabase {
  /** In the server. */
  readonly own: string;
  close(): Promise<void>;
}

async function makeDedicated(
  root: pg.Client,
  home: Pick<TestDatabase, "database" | "admin">,
  name: string,
  kind: "shared" | "dedicated",
): Promise<Own> {
  const own = `rowhouse_test_${randomBytes(6).toString("hex")}`;
  await root.query(`create database ${own} template ${inject("bareTemplate")}`);
  await root.query(grantsOf(own));
  const url = withDatabase(inject("adminUrl"), own);
  const folder = await mkdtemp(join(tmpdir(), "rowhouse-secret-"));
  const secretRef = `file:${join(folder, name)}`;
  await writeFile(join(folder, name), url, { mode: 0o600 });
  const database = home.database.sibling(url);
  const platform = database.openPool("rowhouse_platform", { max: 2 });
  const admin = new pg.Client({ connectionString: url });
  admin.on("error", () => {}); // a test may end it from the other side
  await admin.connect();
  await home.admin.query("insert into platform.databases (name, kind, secret_ref, address) values ($1, $2, $3, $4)", [
    name,
    kind,
    secretRef,
    database.address,
  ]);
  const close = async () => {
    await Promise.allSettled([platform.end(), admin.end(), rm(folder, { recursive: true })]);
    await dropDatabase(root, own);
  };
  return { name, own, url, secretRef, database, platform, admin, close };
}

/** Subscriptions and slots keep a database from being dropped; a test of a move that failed may have left some. */
async function dropSubscriptions(root: pg.Client, name: string): Promise<void> {
  const { rows } = await root.query<{ subname: string }>(
    "select s.subname from pg_subscription s join pg_database d on d.oid = s.subdbid where d.datname = $1",
    [name],
  );
  if (rows.length === 0) return;
  const inside = new pg.Client({ connectionString: withDatabase(inject("adminUrl"), name) });
  await inside.connect();
  for (const { subname } of rows) {
    await inside.query(`alter subscription ${subname} disable`);
    await inside.query(`alter subscription ${subname} set (slot_name = none)`);
    await inside.query(`drop subscription ${subname}`);
  }
  await inside.end();
}

async function dropDatabase(root: pg.Client, name: string): Promise<void> {
  const slots = "from pg_replication_slots where database = $1";
  const end = (pid: string) => `pg_terminate_backend(${pid}, ${PATIENCE_MS})`;
  await root.query(`select ${end("active_pid")} ${slots} and active_pid is not null`, [name]);
  await root.query(`select pg_drop_replication_slot(slot_name) ${slots}`, [name]);
  // `with (force)` gives sessions five seconds to end (DROP DATABASE; CountOtherDBBackends), and then it fails.
  await root.query(
    `select ${end("pid")} from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
    [name],
  );
  await root.query(`drop database if exists ${name} with (force)`);
}

/**
 * A database for this test file alone, copied from the template: tenants acme (ten times the rows), globex and initech.
 * @param from `template` for that, `empty` for a new one without anything in it
 */
export async function testDatabase(from: "template" | "empty" = "template"): Promise<TestDatabase> {
  const adminUrl = inject("adminUrl");
  const name = `rowhouse_test_${randomBytes(6).toString("hex")}`;
  const root = new pg.Client({ connectionString: adminUrl });
  await root.connect();
  await root.query(`create database ${name}${from === "template" ? ` template ${inject("template")}` : ""}`);
  if (from === "template") await root.query(grantsOf(name));
  const url = withDatabase(adminUrl, name);
  const database = openDatabase(url, TEST_SECRET, { prepares: true, waitMs: PATIENCE_MS });
  const platform = database.openPool("rowhouse_platform", { max: 4 });
  const api = database.openPool("rowhouse_api", { max: 4, statementTimeoutMs: PATIENCE_MS });
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const others: Own[] = [];
  const close = async () => {
    await Promise.all([platform.end(), api.end(), admin.end()]);
    // All subscriptions before any slot: one that runs would make its slot busy again.
    for (const own of [name, ...others.map((other) => other.own)]) await dropSubscriptions(root, own);
    for (const other of others) await other.close();
    await dropDatabase(root, name);
    await root.end();
  };
  const tenant = (slug: string) => findTenant(platform, slug);
  return {
    url,
    database,
    platform,
    api,
    admin,
    tenant,
    scope: async (slug, role = "admin") => {
      const { id, epoch } = await tenant(slug);
      return makeScope({ tenantId: id, epoch, principal: "test", role }, database.keyring);
    },
    dedicated: async (other, kind = "dedicated") => {
      const made = await makeDedicated(root, { database, admin }, other, kind);
      others.push(made);
      return made;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
