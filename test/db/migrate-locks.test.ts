import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkRepeatable, isConcurrent } from "../../src/db/concurrent-index.ts";
import { parseMigration } from "../../src/db/history.ts";
import { pauseOf, type Blocked } from "../../src/db/lock-wait.ts";
import { holdSchema, migrate, migrateDown, releaseSchema, type RunLimits } from "../../src/db/migrate.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { makeScope, type Scope } from "../../src/db/scope.ts";
import type { ConnectionPool } from "../../src/db/connections.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
let app: string;
let scope: Scope;
/** A tenant's reads, which wait for a lock however long it takes: that they go on is seen by their number, at any pace. */
let readers: ConnectionPool;
const NOTES = `create table app.notes (tenant_id uuid, id uuid not null default gen_random_uuid(), body text, primary key (tenant_id, id));
  select platform.protect_table('app.notes')`;

const write = (name: string, up: string, down = "select 1", mark = "") =>
  writeFile(join(app, "migrations", `${name}.sql`), `${mark}-- Up Migration\n${up};\n\n-- Down Migration\n${down};\n`);
const up = (limits: RunLimits = {}) => migrate(db.database, { appDir: app, ...limits });
const read = () => runScoped(readers, scope, "read", [{ text: "select count(*) from app.notes", values: [] }]);
const hasColumn = async (name: string) =>
  (
    await db.admin.query("select from information_schema.columns where table_name = 'notes' and column_name = $1", [
      name,
    ])
  ).rowCount === 1;
const indexes = async () =>
  (
    await db.admin.query<{ name: string; valid: boolean }>(
      "select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = 'app.notes'::regclass and not i.indisprimary order by 1",
    )
  ).rows;

beforeAll(async () => {
  db = await testDatabase("empty");
  app = await mkdtemp(join(tmpdir(), "rowhouse-app-"));
  await mkdir(join(app, "migrations"));
  await write("0001_notes", NOTES, "drop table app.notes");
  await up();
  const { tenant } = await createTenant(db.platform, db.database.keyring, { slug: "one", name: "One" }, "test");
  scope = makeScope(
    { tenantId: tenant.id, epoch: tenant.epoch, principal: "test", role: "admin" },
    db.database.keyring,
  );
  readers = db.database.openPool("rowhouse_api", { max: 4 });
  readers.on("connect", (client) => void client.query("set lock_timeout = 0"));
  await runScoped(db.api, scope, "write", [
    { text: "insert into app.notes (body) values ('one'), ('two')", values: [] },
  ]);
});
afterAll(async () => {
  await readers?.end();
  await db.close();
  await rm(app, { recursive: true });
});

const BLOCKER = "nightly report";

/** A transaction that holds something of app.notes until it is told to end. */
async function block(sql: string): Promise<{ end(): Promise<void> }> {
  const client = new pg.Client({ connectionString: db.url, application_name: BLOCKER });
  await client.connect();
  await client.query("begin");
  await client.query(sql);
  return {
    end: async () => {
      await client.query("commit");
      await client.end();
    },
  };
}

const until = async (holds: () => boolean | Promise<boolean>) => {
  while (!(await holds())) await sleep(20);
};

/** Reads as tenants do, one after the other, until stopped. @returns how long each took, in milliseconds */
function traffic(): { count(): number; stop(): Promise<number[]> } {
  const took: number[] = [];
  let on = true;
  const one = async () => {
    while (on) {
      const start = performance.now();
      await read();
      took.push(performance.now() - start);
    }
  };
  const running = Promise.all([one(), one()]);
  return {
    count: () => took.length,
    stop: async () => {
      on = false;
      await running;
      return took;
    },
  };
}

describe("a table in use", () => {
  test.each([
    ["a transaction that has read it", "select count(*) from app.notes"],
    ["a transaction that has changed a row", "update app.notes set body = body"],
  ])("%s holds the migration up, and no request for long", async (what, sql) => {
    const column = `c${what.length}`;
    await write(
      `0002_${column}`,
      `alter table app.notes add column ${column} text`,
      `alter table app.notes drop column ${column}`,
    );
    const blocker = await block(sql);
    const requests = traffic();
    const told: Blocked[] = [];
    const start = performance.now();
    const running = up({ onBlocked: (blocked) => void told.push(blocked) });
    // Who blocks is looked for by the way: one attempt may end before anybody has looked.
    const seen = () => told.flatMap(({ blockers }) => blockers).find(({ application }) => application === BLOCKER);
    await until(() => seen() !== undefined);
    expect(seen()).toMatchObject({ state: "idle in transaction" });
    const before = requests.count();
    await until(() => requests.count() > before + 10);
    expect(await hasColumn(column)).toBe(false);
    await blocker.end();
    const ran = await running;
    const seconds = (performance.now() - start) / 1000;
    const took = await requests.stop();
    console.log(
      `migrate-locks: ${what}: ${took.length} reads meanwhile, longest ${Math.max(...took).toFixed(0)} ms; ` +
        `migrated after ${seconds.toFixed(1)} s and ${told.length} refusals`,
    );
    expect(ran.app).toEqual([`0002_${column}`]); // every read succeeded, or stop() would have thrown
    await migrateDown(db.database, app, "app", 1);
    await rm(join(app, "migrations", `0002_${column}.sql`));
  });

  test("one that stays makes it give up and leave nothing", async () => {
    await write("0002_first", "alter table app.notes add column first text");
    await write("0003_second", "create schema left_over; alter table app.notes add column second text");
    const blocker = await block("select count(*) from app.notes");
    const requests = traffic();
    const failure = await up({ lockTimeoutMs: 100, lockWaitMs: 1500 }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "RH420",
      message: expect.stringMatching(
        /^No lock in \d+ attempts and \d+ s: 0002_first: canceling statement due to lock timeout$/,
      ),
    });
    const took = await requests.stop();
    console.log(`migrate-locks: gave up: ${took.length} reads meanwhile, longest ${Math.max(...took).toFixed(0)} ms`);
    expect(await hasColumn("first")).toBe(false);
    await blocker.end();
    expect((await up()).app).toEqual(["0002_first", "0003_second"]);
    expect(await migrateDown(db.database, app, "app", 2)).toEqual(["0003_second", "0002_first"]);
    await db.admin.query("drop schema left_over; alter table app.notes drop column first, drop column second");
    await rm(join(app, "migrations", "0002_first.sql"));
    await rm(join(app, "migrations", "0003_second.sql"));
  });

  test("it says who it was that stayed", async () => {
    await write("0002_first", "alter table app.notes add column first text");
    const blocker = await block("select count(*) from app.notes");
    // Looked at once a second, so that some looks are left when the machine stands still for a few.
    await expect(up({ lockTimeoutMs: 8000, lockWaitMs: 0 })).rejects.toMatchObject({
      code: "RH420",
      details: expect.stringMatching(
        /^blocked by pid \d+, nightly report, user \w+, idle in transaction, in a transaction for \d+ s$/,
      ),
      hint: expect.stringContaining("select pg_terminate_backend("),
    });
    await blocker.end();
    await rm(join(app, "migrations", "0002_first.sql"));
  });

  test("with nothing pending, a migrate of a database in use waits for nobody's reads and writes", async () => {
    const blocker = await block("update app.notes set body = body");
    const told: Blocked[] = [];
    expect((await up({ onBlocked: (blocked) => void told.push(blocked) })).app).toEqual([]);
    // Roles belong to the whole cluster, where another database's migrate may be in the way.
    expect(told.flatMap(({ blockers }) => blockers).filter(({ application }) => application === BLOCKER)).toEqual([]);
    await blocker.end();
  });

  test("the law waits its turn, too: a transaction of the control plane holds its triggers up", async () => {
    const blocker = await block("update platform.tenants set name = name");
    const told: Blocked[] = [];
    const running = up({ lockTimeoutMs: 100, onBlocked: (blocked) => void told.push(blocked) });
    for (let reads = 0; told.length === 0 || reads < 20; reads++) await read();
    await blocker.end();
    expect((await running).app).toEqual([]);
  });
});

describe("-- no transaction", () => {
  const MARK = "-- no transaction\n";
  const INDEX = "create index concurrently if not exists notes_body on app.notes (tenant_id, body)";

  test("builds an index while rows are written, and waits for an old transaction without holding anyone up", async () => {
    await write("0002_index", INDEX, "drop index concurrently if exists app.notes_body", MARK);
    const blocker = await block("update app.notes set body = body where body = 'one'");
    const requests = traffic();
    const running = up({ lockTimeoutMs: 50 });
    await until(async () => (await indexes()).length > 0);
    const insert = { text: "insert into app.notes (body) values ('three')", values: [] };
    await runScoped(db.api, scope, "write", [insert]);
    expect(await indexes()).toEqual([{ name: "notes_body", valid: false }]);
    await blocker.end();
    expect((await running).app).toEqual(["0002_index"]);
    expect(await indexes()).toEqual([{ name: "notes_body", valid: true }]);
    const took = await requests.stop();
    console.log(`migrate-locks: index concurrently: ${took.length} reads, longest ${Math.max(...took).toFixed(0)} ms`);
    expect((await up()).app).toEqual([]);
  });

  test("is taken back the same way", async () => {
    expect(await migrateDown(db.database, app, "app", 1)).toEqual(["0002_index"]);
    expect(await indexes()).toEqual([]);
  });

  test("one that gives up leaves no half-built index", async () => {
    const blocker = await block("update app.notes set body = body where body = 'one'");
    // Enough for the steps before it, which another database's migrate may hold up: roles belong to the whole cluster.
    await expect(up({ lockWaitMs: 5000 })).rejects.toMatchObject({ code: "RH420" });
    await blocker.end();
    // The table was in use, so that the index could not be dropped: the next run begins with that.
    expect(await indexes()).toEqual([{ name: "notes_body", valid: false }]);
    expect((await up()).app).toEqual(["0002_index"]);
    expect(await indexes()).toEqual([{ name: "notes_body", valid: true }]);
  });

  test("a second migrate that waits does not keep the index waiting", async () => {
    await migrateDown(db.database, app, "app", 1);
    const blocker = await block("update app.notes set body = body where body = 'one'");
    const one = up();
    await until(async () => (await indexes()).length > 0);
    let waited = 0;
    const two = migrate(db.database, { appDir: app, onWait: () => waited++ });
    await until(() => waited > 0);
    await sleep(1200); // beyond deadlock_timeout
    await blocker.end();
    expect([(await one).app, (await two).app, waited]).toEqual([["0002_index"], [], 1]);
  });

  test("stands between transactions: what is before it is kept when it fails, and a file edited since is refused", async () => {
    await write("0003_before", "alter table app.notes add column before text");
    await write(
      "0004_broken",
      "create index concurrently if not exists broken on app.notes (nothing)",
      "select 1",
      MARK,
    );
    await write("0005_after", "alter table app.notes add column after text");
    await expect(up()).rejects.toMatchObject({
      code: "RH411",
      message: '0004_broken: column "nothing" does not exist',
      hint: expect.stringContaining("migrations before it were kept"),
    });
    expect([await hasColumn("before"), await hasColumn("after")]).toEqual([true, false]);
    await write(
      "0004_broken",
      "create index concurrently if not exists broken on app.notes (tenant_id, before)",
      "select 1",
      MARK,
    );
    expect((await up()).app).toEqual(["0004_broken", "0005_after"]);
    await write(
      "0004_broken",
      "create index concurrently if not exists other on app.notes (tenant_id, before)",
      "select 1",
      MARK,
    );
    await expect(up()).rejects.toMatchObject({ code: "RH410" });
  });

  test("a unique index over rows that repeat fails, is dropped, and works once the rows are mended", async () => {
    for (const name of ["0003_before", "0004_broken", "0005_after"]) await rm(join(app, "migrations", `${name}.sql`));
    await db.admin.query("delete from platform.app_migrations where name > '0003'");
    const insert = { text: "insert into app.notes (body) values ('twin'), ('twin')", values: [] };
    await runScoped(db.api, scope, "write", [insert]);
    await write(
      "0003_unique",
      "create unique index concurrently if not exists twins on app.notes (tenant_id, body)",
      "select 1",
      MARK,
    );
    await expect(up()).rejects.toMatchObject({
      code: "RH411",
      message: expect.stringContaining("could not create unique index"),
    });
    expect((await indexes()).map(({ name }) => name)).not.toContain("twins");
    await db.admin.query("delete from app.notes where body = 'twin'");
    expect((await up()).app).toEqual(["0003_unique"]);
    expect(await indexes()).toContainEqual({ name: "twins", valid: true });
  });

  test.each([
    ["create index concurrently i on app.notes (body)", true],
    ["create unique index\n concurrently i on app.notes (body)", true],
    ["drop index concurrently i", true],
    ["-- create index concurrently i\ncreate index concurrently if not exists i on app.notes (body)", false],
    ["drop index concurrently if exists i", false],
    ["vacuum app.notes", false],
  ])("%s: refused %s", (sql, refused) => {
    const file = parseMigration("0001_x.sql", `-- no transaction\n-- Up Migration\n${sql};`);
    const outcome = () => checkRepeatable(file, file.up);
    let code: unknown = null;
    try {
      outcome();
    } catch (error) {
      code = (error as { code: string }).code;
    }
    expect(code).toBe(refused ? "RH411" : null);
  });

  test.each([
    ["-- no transaction\n-- Up Migration\nselect 1", true],
    ["-- Up Migration\n-- what for\n--  No-Transaction\nselect 1", true],
    ["-- Up Migration\nselect 1;\n-- no transaction", false],
    ["-- Up Migration\n-- there is no transaction that needs it\nselect 1", false],
  ])("%j: alone %s", (content, alone) => {
    expect(parseMigration("0001_x.sql", content).alone).toBe(alone);
  });

  test.each([
    ["create index concurrently if not exists i on t (a)", true],
    ["reindex (verbose) table concurrently app.notes", true],
    ["alter table app.notes detach partition app.notes_1 concurrently", false],
    ["vacuum app.notes", false],
  ])("%s may wait long: %s", (sql, long) => {
    expect(isConcurrent(sql)).toBe(long);
  });
});

describe("around it", () => {
  test("pauses double up to ten seconds, give or take a quarter", () => {
    expect([1, 2, 3, 4, 5, 50].map((attempt) => pauseOf(attempt, 0.5))).toEqual([
      1000, 2000, 4000, 8000, 10_000, 10_000,
    ]);
    expect([pauseOf(1, 0), pauseOf(1, 1)]).toEqual([750, 1250]);
  });

  test("who holds the schema keeps every migrate away, and several can", async () => {
    const [one, two] = [await db.database.connectOwner(), await db.database.connectOwner()];
    expect([await holdSchema(one), await holdSchema(two)]).toEqual([true, true]);
    let waits = 0;
    const running = migrate(db.database, { appDir: app, onWait: () => waits++ });
    await releaseSchema(one);
    await until(() => waits > 0);
    expect(await Promise.race([running, sleep(100, "still waiting")])).toBe("still waiting");
    await two.end();
    expect((await running).app).toEqual([]);
    await one.end();
  });

  test("what may not run now is asked before anything runs, and only when something would", async () => {
    const asked: (readonly string[])[] = [];
    const admit = async (_: unknown, migrations: readonly string[]) => {
      asked.push(migrations);
      throw new Error("not now");
    };
    await up({ admit });
    await write("0006_later", "alter table app.notes add column later text");
    await expect(up({ admit })).rejects.toThrow("not now");
    expect(asked).toEqual([["app 0006_later"]]);
    expect(await hasColumn("later")).toBe(false);
  });
});
