import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate } from "../../examples/sales/seed.ts";
import { proveIsolation } from "../../src/checks/proof.ts";
import { runChecks } from "../../src/checks/run.ts";
import { openDatabase, type Database } from "../../src/db/connections.ts";
import { migrate } from "../../src/db/migrate.ts";
import { startEmbedded } from "../../src/embedded/server.ts";
import { openLog } from "../../src/log.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { seedTenant } from "../../src/tenant/seed.ts";
import { SALES, TEST_SECRET, withDatabase } from "../harness.ts";
import { addMembers } from "../members.ts";
import { testAdmission } from "./admission-tests.ts";
import { enter, plantMarker, scopeOf, type Arena } from "./arena.ts";
import { testAttacks } from "./attack-tests.ts";
import { testMatrix } from "./matrix-tests.ts";
import { testEscalation } from "./escalation-tests.ts";
import { testPermissions } from "./permission-tests.ts";
import { testTrail } from "./trail-tests.ts";
import { testSessions } from "./session-tests.ts";

/** A server of our own: what a superuser's migrate grants and revokes in a cluster would be there for every database of it. */
async function startServer() {
  const dataDir = await mkdtemp(join(tmpdir(), "rowhouse-fallback-"));
  const server = await startEmbedded({
    dataDir,
    log: openLog("silent"),
    binDir: process.env["TEST_PG_BIN"],
    settings: { fsync: "off", full_page_writes: "off" },
  });
  const stop = async () => {
    await server.stop();
    await rm(server.dataDir, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  };
  return { url: server.url, stop };
}

/** As on a managed server: the one who deploys may create roles and owns the database, and is no superuser. */
async function makeDeployer(url: string): Promise<string> {
  const root = new pg.Client({ connectionString: url });
  await root.connect();
  await root.query("create role deployer login createrole createdb password 'deployer-password'");
  await root.query("create database managed owner deployer");
  await root.end();
  const own = new URL(withDatabase(url, "managed"));
  own.username = "deployer";
  own.password = "deployer-password";
  return own.href;
}

async function fill(database: Database): Promise<void> {
  const pool = database.openPool("rowhouse_platform", { max: 1 });
  const importer = await database.connect("rowhouse_importer");
  for (const slug of ["acme", "globex"]) {
    const wanted = { slug, name: slug, adminEmail: `admin@${slug}.example` };
    const { tenant } = await createTenant(pool, database.keyring, wanted, "test");
    await seedTenant(importer, database.keyring, tenant, generate(slug, 0.1));
  }
  await importer.end();
  await pool.end();
}

let superUrl: string;
let arena: Arena;
let stop = async () => {};
beforeAll(async () => {
  const server = await startServer();
  stop = server.stop;
  superUrl = withDatabase(server.url, "managed");
  const database = openDatabase(await makeDeployer(server.url), TEST_SECRET);
  await migrate(database, { appDir: SALES });
  await migrate(database, { appDir: SALES }); // what is there already is the deployer's to change, too
  await fill(database);
  const admin = new pg.Client({ connectionString: superUrl });
  await admin.connect();
  const [a, b] = [await scopeOf(database, "globex"), await scopeOf(database, "acme")];
  await plantMarker(admin, b);
  for (const { tenantId } of [a, b]) await addMembers(admin, tenantId);
  arena = { mode: "fallback", database, admin, a, b, close: () => admin.end() };
});
afterAll(async () => {
  await arena?.close();
  await stop();
});

describe("without a superuser", () => {
  test("is how this database was set up", async () => {
    const { rows } = await arena.admin.query(
      `select has_parameter_privilege('rowhouse_owner', 'backtrace_functions', 'set') as granted,
         (select rolsuper from pg_roles where rolname = 'deployer') as super`,
    );
    expect(rows).toEqual([{ granted: false, super: false }]);
  });

  test("the rules find no error, and say what a managed server leaves open", async () => {
    const findings = await runChecks(arena.database);
    expect(findings.filter(({ level }) => level === "error")).toEqual([]);
    const open = new Set(findings.map(({ check }) => check).filter((check) => check !== "server_too_old"));
    expect([...open]).toEqual(["builtin_executable", "session_view_readable", "language_usable", "parameters_logged"]);
  });

  test("the database's owner registers schemas without a superuser: public, and its own", async () => {
    const owner = await arena.database.connectOwner();
    await owner.query("begin; create schema legacy; set local role rowhouse_owner");
    await owner.query("select platform.add_schema('public'), platform.add_schema('legacy')");
    const { rows } = await owner.query(
      `select nspname as name, pg_get_userbyid(nspowner) as owner, has_schema_privilege('rowhouse_api', oid, 'usage') as usable
       from pg_namespace where nspname in ('public', 'legacy') order by 1`,
    );
    await owner.query("rollback");
    await owner.end();
    expect(rows).toEqual([
      { name: "legacy", owner: "rowhouse_owner", usable: true },
      { name: "public", owner: "rowhouse_owner", usable: true },
    ]);
  });

  test("the proof holds", async () => {
    expect(await proveIsolation(arena.database)).toEqual([]);
  });

  describe("every table and verb", () => {
    testMatrix(() => arena);
  });
  describe("attacks", () => {
    testAttacks(() => arena);
  });
  describe("sessions", () => {
    testSessions(() => arena);
  });
  describe("what a role may do", () => {
    testPermissions(() => arena);
  });
  describe("more than a role was given", () => {
    testEscalation(() => arena);
  });
  describe("who is admitted", () => {
    testAdmission(() => arena);
  });
  describe("who and when", () => {
    testTrail(() => arena);
  });
});

describe("once a superuser has run migrate", () => {
  const left = async () =>
    (await runChecks(arena.database)).map(({ key }) => key).filter((key) => !key.startsWith("server_too_old"));

  test("nothing is left open, and the deployer's migrate goes on and keeps it so", async () => {
    expect(await left()).not.toEqual([]);
    await migrate(openDatabase(superUrl, TEST_SECRET), { appDir: SALES });
    expect(await left()).toEqual([]);
    await migrate(arena.database, { appDir: SALES });
    expect(await left()).toEqual([]);
    expect(await proveIsolation(arena.database)).toEqual([]);
  });

  test("the context is in the protected setting", async () => {
    const client = await arena.database.connect("rowhouse_api");
    await enter(client, arena.a, "read");
    const { rows } = await client.query("select current_setting('backtrace_functions') as context");
    expect(rows).toEqual([{ context: arena.a.context }]);
    await client.end();
  });
});
