import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runChecks } from "../../src/checks/run.ts";
import type { DbRole } from "../../src/db/connections.ts";
import { migrate, migrateDown, migrationStatus } from "../../src/db/migrate.ts";
import { parseServerVersion } from "../../src/db/server-version.ts";
import { createTenant } from "../../src/tenant/create.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
let app: string;
beforeAll(async () => {
  db = await testDatabase("empty");
  app = await mkdtemp(join(tmpdir(), "rowhouse-app-"));
  await mkdir(join(app, "migrations"));
});
afterAll(async () => {
  await db.close();
  await rm(app, { recursive: true });
});

const write = (name: string, up: string, down = "select 1") =>
  writeFile(join(app, "migrations", `${name}.sql`), `-- Up Migration\n${up};\n\n-- Down Migration\n${down};\n`);
const remove = (name: string) => rm(join(app, "migrations", `${name}.sql`));
const up = () => migrate(db.database, { appDir: app });
const exists = async (table: string) =>
  (await db.admin.query<{ found: boolean }>("select to_regclass($1) is not null as found", [table])).rows[0]!.found;

const NOTES =
  "create table app.notes (tenant_id uuid, id uuid not null default gen_random_uuid(), body text, primary key (tenant_id, id))";

describe("migrate", () => {
  test("two at once on an empty database: one waits, each migration runs once", async () => {
    await write("0001_notes", `${NOTES}; select platform.protect_table('app.notes')`, "drop table app.notes");
    let waited = 0;
    const other = Promise.withResolvers<void>();
    const onWait = () => {
      waited++;
      other.resolve();
    };
    // Whoever comes first begins when the other one waits: it may be a while until that one is there.
    const options = { appDir: app, onWait, admit: () => other.promise };
    const [one, two] = await Promise.all([migrate(db.database, options), migrate(db.database, options)]);
    expect([...one.app, ...two.app]).toEqual(["0001_notes"]);
    expect([...one.platform, ...two.platform].slice(0, 2)).toEqual(["0001_registry", "0002_tenant"]);
    expect(waited).toBe(1);
  });

  test("again is no change", async () => {
    expect(await up()).toEqual({ platform: [], app: [] });
    const [platform, own] = await migrationStatus(db.database, app);
    expect([platform!.pending, own!.pending]).toEqual([[], []]);
    expect(own!.applied).toEqual(["0001_notes"]);
  });

  test("a limit of time that the database has is for requests, not for exports, restores and moves", async () => {
    const { rows: limits } = await db.admin.query<{ name: string }>(
      "select name from pg_settings where name ~ '^(statement|transaction|idle_in_transaction_session|idle_session)_timeout$'",
    );
    expect(limits.length).toBeGreaterThanOrEqual(3);
    const name = new URL(db.url).pathname.slice(1);
    for (const limit of limits) await db.admin.query(`alter database ${name} set ${limit.name} = '7min'`);
    const read = async (role: DbRole) => {
      const client = await db.database.connect(role);
      const { rows } = await client.query<{ setting: string }>(
        "select setting from pg_settings where name = any ($1) order by name",
        [limits.map((limit) => limit.name)],
      );
      await client.end();
      return [...new Set(rows.map(({ setting }) => setting))];
    };
    expect(await read("rowhouse_platform")).toEqual(["420000"]);
    for (const role of ["rowhouse_exporter", "rowhouse_importer", "rowhouse_mover"] as const) {
      expect(await read(role)).toEqual(["0"]);
    }
    for (const limit of limits) await db.admin.query(`alter database ${name} reset ${limit.name}`);
  });

  test("a protected table works for its tenant: default, not null, grants", async () => {
    const { tenant } = await createTenant(db.platform, db.database.keyring, { slug: "one", name: "One" }, "test");
    const { makeScope } = await import("../../src/db/scope.ts");
    const scope = makeScope(
      { tenantId: tenant.id, epoch: tenant.epoch, principal: "x", role: "admin" },
      db.database.keyring,
    );
    const insert = { text: "insert into app.notes (body) values ($1) returning tenant_id", values: ["hello"] };
    const [result] = await runScoped(db.api, scope, "write", [insert]);
    expect(result!.rows).toEqual([[tenant.id]]);
  });

  test("a table without protect_table makes it fail, by name, and keeps nothing", async () => {
    await write("0002_bare", "create table app.bare (id int primary key)");
    await expect(up()).rejects.toMatchObject({
      code: "RH413",
      message: "0002_bare: Not protected: app.bare",
      hint: "Add to the migration, after creating the table:  select platform.protect_table('app.bare');",
    });
    expect(await exists("app.bare")).toBe(false);
    await remove("0002_bare");
  });

  test("a key without tenant_id is named, with the fix", async () => {
    const table = `create table app.tags (id int primary key, slug text unique, note_id uuid, tenant_id uuid,
      unique (tenant_id, id));
      alter table app.tags add constraint tags_note foreign key (tenant_id, note_id) references app.notes (tenant_id, id) on delete set null`;
    await write("0002_tags", `${table}; select platform.protect_table('app.tags')`);
    const failure = await up().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "RH414", message: "0002_tags: Keys of app.tags must carry tenant_id" });
    expect((failure as { details: string }).details.split("\n")).toEqual([
      "the foreign key tags_note of app.tags would set tenant_id to null: name the column: on delete set null (column)",
      "the primary key tags_pkey of app.tags does not contain tenant_id: declare it as primary key (tenant_id, id)",
      "the unique key tags_slug_key of app.tags does not contain tenant_id: declare it as unique (tenant_id, slug)",
    ]);
    await remove("0002_tags");
  });

  test("a foreign key that does not pair tenant_id is named", async () => {
    await write(
      "0002_links",
      `create table app.links (tenant_id uuid, id uuid, note_id uuid, other_id uuid, primary key (tenant_id, id),
         foreign key (other_id, note_id) references app.notes (tenant_id, id));
       select platform.protect_table('app.links')`,
    );
    await expect(up()).rejects.toMatchObject({
      code: "RH414",
      details: expect.stringContaining("does not contain tenant_id"),
    });
    await remove("0002_links");
  });

  test("a table's keys are looked at without a read of every table's columns", async () => {
    const { rows } = await db.admin.query<{ "QUERY PLAN": string }>(
      "explain select * from platform.keys_without_tenant('app.notes')",
    );
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toContain("on pg_attribute");
    expect(plan).not.toContain("CTE"); // worked out whole, for each table anew
  });

  test("a failing statement is shown with its line and a caret, and the good ones before it are taken back", async () => {
    await write("0002_good", "create schema stays");
    await write("0003_bad", "select 1;\nselect nothing_like_this()");
    const failure = await up().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "RH411",
      message: expect.stringContaining("0003_bad: function nothing_like_this() does not exist"),
    });
    expect((failure as { details: string }).details).toMatch(/line 3: select nothing_like_this\(\);?\n\s+\^$/);
    const { rowCount } = await db.admin.query("select from pg_namespace where nspname = 'stays'");
    expect(rowCount).toBe(0);
    await remove("0002_good");
    await remove("0003_bad");
  });

  test("an edited file is refused by name, a removed one too", async () => {
    const path = join(app, "migrations", "0001_notes.sql");
    const original = await readFile(path, "utf8");
    await writeFile(path, `${original}-- a later thought\n`);
    await expect(up()).rejects.toMatchObject({
      code: "RH410",
      message: expect.stringContaining("0001_notes was edited"),
    });
    await rm(path);
    await expect(up()).rejects.toMatchObject({
      code: "RH410",
      message: expect.stringContaining("0001_notes was removed"),
    });
    await writeFile(path, original);
    expect((await up()).app).toEqual([]);
  });

  test("the owner's own policy of an earlier version is one too many, and goes", async () => {
    const found = async () =>
      (await runChecks(db.database, { only: ["policy_permissive_added"] })).map(({ key }) => key);
    await db.admin.query(
      "create policy owner_access on tenant.idempotency_keys to rowhouse_owner using (tenant_id = platform.current_tenant())",
    );
    expect(await found()).toEqual(["policy_permissive_added:tenant.idempotency_keys:owner_access"]);
    await up();
    expect(await found()).toEqual([]);
  });

  test("down takes back the last, up brings it again", async () => {
    await write(
      "0002_more",
      "alter table app.notes add column more text; select platform.protect_table('app.notes')",
      "alter table app.notes drop column more",
    );
    expect((await up()).app).toEqual(["0002_more"]);
    expect(await migrateDown(db.database, app, "app", 1)).toEqual(["0002_more"]);
    expect((await migrationStatus(db.database, app))[1]!.pending.map(({ name }) => name)).toEqual(["0002_more"]);
    expect((await up()).app).toEqual(["0002_more"]);
  });

  test("fake marks without running", async () => {
    await write("0003_faked", "create schema never_made");
    expect((await migrate(db.database, { appDir: app, fake: true })).app).toEqual(["0003_faked"]);
    const { rowCount } = await db.admin.query("select from pg_namespace where nspname = 'never_made'");
    expect(rowCount).toBe(0);
    expect((await up()).app).toEqual([]);
  });

  test("a folder that is not there is an error", async () => {
    await expect(migrate(db.database, { appDir: join(app, "nowhere") })).rejects.toMatchObject({ code: "RH506" });
  });

  test("a database migrated by a newer Rowhouse is refused", async () => {
    await db.admin.query("insert into platform.platform_migrations (name, run_on) values ('9999_future', now())");
    await expect(up()).rejects.toMatchObject({ code: "RH417" });
    await db.admin.query("delete from platform.platform_migrations where name = '9999_future'");
  });
});

describe("the sales example", () => {
  test("every migration goes up, down and up", async () => {
    await using sales = await testDatabase("empty");
    const copy = join(app, "sales");
    await cp(SALES, copy, { recursive: true });
    const first = await migrate(sales.database, { appDir: copy });
    expect(await migrateDown(sales.database, copy, "app", first.app.length)).toEqual(first.app.toReversed());
    const { rows } = await sales.admin.query("select relname from pg_class where relnamespace = 'app'::regnamespace");
    expect(rows).toEqual([]);
    expect((await migrate(sales.database, { appDir: copy })).app).toEqual(first.app);
  });
});

describe("server versions", () => {
  test.each([
    [150018, "15.20"],
    [150020, null],
    [160015, "16.16"],
    [170012, null],
    [180004, "18.7"],
    [180007, null],
    [190001, null],
  ])("%i wants %s", (number, floor) => {
    expect(parseServerVersion(number).floor).toBe(floor);
  });
});
