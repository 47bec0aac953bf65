import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrate, migrateDown } from "../../src/db/migrate.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

const MIGRATIONS = {
  "0001_register.sql": `-- Up Migration
    select platform.add_schema('public');
    create schema "Größe ""Ä""";
    select platform.add_schema('Größe "Ä"');
    create table "Größe ""Ä"""."Fächer" (tenant_id uuid, id int, word text, primary key (tenant_id, id));
    select platform.protect_table('"Größe ""Ä"""."Fächer"');
    -- Down Migration
    drop table "Größe ""Ä"""."Fächer";
    select platform.remove_schema('Größe "Ä"'), platform.remove_schema('public');`,
  "0002_unqualified.sql": `-- Up Migration
    alter table "Fächer" add column size int;
    create table made (tenant_id uuid, id int, primary key (tenant_id, id));
    select platform.protect_table('made');
    -- Down Migration
    drop table made;`,
  "0003_index.sql": `-- no transaction
    -- Up Migration
    create index concurrently if not exists words on "Fächer" (tenant_id, word)
    -- Down Migration
    drop index concurrently if exists "Größe ""Ä""".words`,
};

let db: TestDatabase;
let app: string;
beforeAll(async () => {
  db = await testDatabase("empty");
  app = await mkdtemp(join(tmpdir(), "rowhouse-schemas-"));
  await mkdir(join(app, "migrations"));
  for (const [name, text] of Object.entries(MIGRATIONS)) await writeFile(join(app, "migrations", name), text);
});
afterAll(async () => {
  await db.close();
  await rm(app, { recursive: true });
});

/** Of this database, as it is stored. */
async function apiPath(): Promise<string[]> {
  const { rows } = await db.admin.query<{ setting: string }>(
    `select unnest(setconfig) as setting from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
     where d.datname = current_database() and setrole = 'rowhouse_api'::regrole`,
  );
  return rows.map(({ setting }) => setting.replace(/^search_path=(rowhouse, pg_catalog, )?/, ""));
}

describe("migrations of an app with other schemas", () => {
  test("without any, names are looked up in app", async () => {
    await migrate(db.database, { appDir: null });
    expect(await apiPath()).toEqual(["app, public"]);
  });

  test("register them, find their tables without the schema, and make in app what has none", async () => {
    const { app: ran } = await migrate(db.database, { appDir: app });
    expect(ran).toEqual(["0001_register", "0002_unqualified", "0003_index"]);
    const { rows } = await db.admin.query<{ name: string }>(
      `select n.nspname || '.' || relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where relname in ('made', 'words', 'Fächer') `,
    );
    expect(rows.map(({ name }) => name).toSorted()).toEqual(['Größe "Ä".Fächer', 'Größe "Ä".words', "app.made"]);
    expect(await apiPath()).toEqual(['app, public, "Größe ""Ä"""']);
  });

  test("again change nothing", async () => {
    const stamp = () => db.admin.query("select xmin::text, name from platform.schemas order by position");
    const before = (await stamp()).rows;
    await migrate(db.database, { appDir: app });
    expect((await stamp()).rows).toEqual(before);
  });

  test("taken back, leave none of it", async () => {
    await migrateDown(db.database, app, "app", 3);
    expect((await db.admin.query("select name from platform.schemas")).rows).toEqual([{ name: "app" }]);
    expect(await apiPath()).toEqual(["app, public"]);
    const { rows } = await db.admin.query("select has_schema_privilege('rowhouse_api', 'public', 'usage') as usable");
    expect(rows).toEqual([{ usable: false }]);
  });
});
