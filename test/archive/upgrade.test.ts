import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isWithheld } from "../../src/archive/withheld.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { previewRestore, replaceRows } from "../../src/archive/replace.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import type { Database } from "../../src/db/connections.ts";
import { migrate } from "../../src/db/migrate.ts";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { refusal } from "./workspace.ts";

/** As an app would write it: the owner sees no tenant's rows unless it lifts the force for the length of the migration. */
const NEXT = `-- Up Migration
alter table app.customers add column country_name text, add column tier text not null default 'basic';
alter table app.customers no force row level security;
update app.customers set country_name = 'country ' || country, tier = case when kind = 'company' then 'business' else tier end;
alter table app.customers rename column phone to telephone;
create table app.visits (tenant_id uuid, id uuid not null default gen_random_uuid(), customer_id uuid not null, primary key (tenant_id, id),
  foreign key (tenant_id, customer_id) references app.customers (tenant_id, id));
select platform.protect_table('app.visits');
select platform.protect_table('app.customers');
-- Down Migration
drop table app.visits;
`;

let db: TestDatabase;
let folder: string;
let appDir: string;
let path: string;
const file = (name: string) => join(folder, name);
/** Databases that were opened beside this file's, as an upgrade does: other files' upgrades have theirs. */
const beside: string[] = [];
const watched = (database: Database): Database => ({
  ...database,
  neighbour: (name) => {
    beside.push(name);
    return database.neighbour(name);
  },
});
const scratches = async () =>
  (await db.admin.query("select from pg_database where datname = any ($1)", [beside])).rowCount;

beforeAll(async () => {
  db = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "rowhouse-upgrade-test-"));
  appDir = file("app");
  await cp(SALES, appDir, { recursive: true });
  path = file("old.rowhouse");
  await exportTenant(db.database, { slug: "globex" }, { path });
  await writeFile(join(appDir, "migrations/0010_tiers.sql"), NEXT);
  await migrate(db.database, { appDir });
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

/** Without the time, which the app's trigger puts on what a migration updates. */
const customers = async (slug: string) => {
  const { rows } = await db.admin.query<Record<string, unknown>>(
    "select (to_jsonb(c) - 'tenant_id' - 'updated_at')::text as row from app.customers c where tenant_id = $1 order by id",
    [(await db.tenant(slug)).id],
  );
  return rows;
};

describe("an archive of an older schema", () => {
  test("goes through the migrations that it missed, and comes out as the rows that were there all along", async () => {
    const { tenant, ran, rows, manifest } = await restoreArchive(watched(db.database), path, { as: "late", appDir });
    expect(ran).toEqual(["0010_tiers"]);
    const shared = manifest.tables.filter(({ schema, name }) => !isWithheld(`${schema}.${name}`));
    expect(rows).toBe(shared.reduce((sum, table) => sum + table.rows, 0));
    expect(await customers("late")).toEqual(await customers("globex"));
    expect(tenant.status).toBe("active");
    expect([beside.length, await scratches()]).toEqual([1, 0]);
  });

  test("is compared and merged by what it is after them", async () => {
    await db.admin.query("update app.customers set tier = 'gold' where tenant_id = $1", [(await db.tenant("late")).id]);
    const { changes } = await previewRestore(watched(db.database), path, { as: "late", appDir });
    const total = (await customers("late")).length;
    expect(changes.filter(({ inserts, updates, deletes }) => inserts + updates + deletes > 0)).toEqual([
      { table: "app.customers", inserts: 0, updates: total, deletes: 0 },
    ]);
    await replaceRows(watched(db.database), path, { as: "late", appDir, only: ["customers"] });
    expect((await customers("late")).map((row) => String(row["row"]).includes('"gold"'))).not.toContain(true);
  });

  test("is refused without the app's files, before anything is made", async () => {
    const error = await refusal("archiveOlder", restoreArchive(watched(db.database), path, { as: "later" }));
    expect(error.hint).toContain("--app");
    expect(await scratches()).toBe(0);
  });

  test("is refused where its rows do not survive a migration, which it names", async () => {
    await writeFile(
      join(appDir, "migrations/0011_strict.sql"),
      "-- Up Migration\nalter table app.customers add constraint few check (tier <> 'business') not valid;\nalter table app.customers validate constraint few;\n",
    );
    try {
      await db.admin.query("insert into platform.app_migrations (name, run_on) values ('0011_strict', now())");
      const error = await refusal("archiveOlder", restoreArchive(watched(db.database), path, { as: "later", appDir }));
      expect(error.message).toContain("0011_strict");
      expect(await scratches()).toBe(0);
    } finally {
      await db.admin.query("delete from platform.app_migrations where name = '0011_strict'");
      await rm(join(appDir, "migrations/0011_strict.sql"));
    }
  });
});

test("an archive of a newer schema is refused, and says what is missing here", async () => {
  await using other = await testDatabase();
  const newer = file("newer.rowhouse");
  await exportTenant(db.database, { slug: "initech" }, { path: newer });
  const error = await refusal("archiveNewer", restoreArchive(other.database, newer, { as: "newer", appDir }));
  expect(error.message).toContain("0010_tiers");
});
