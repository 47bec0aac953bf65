import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { ended, runOn, start, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let app: string;
let rowhouse: (...args: string[]) => Promise<Ended>;

const NOTES = `-- Up Migration
create table app.notes (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  text text not null,
  primary key (tenant_id, id)
);
select platform.protect_table('app.notes');

-- Down Migration
drop table app.notes;
`;

beforeAll(async () => {
  db = await testDatabase("empty");
  app = join(await mkdtemp(join(tmpdir(), "rowhouse-app-")), "sales");
  await cp(SALES, app, { recursive: true });
  rowhouse = runOn(db.url, { ROWHOUSE_APP: app });
});
afterAll(async () => {
  await db.close();
  await rm(join(app, ".."), { recursive: true });
});

const countSales = async () => (await readdir(join(SALES, "migrations"))).length;
const exists = async (table: string) =>
  (await db.admin.query<{ found: boolean }>("select to_regclass($1) is not null as found", [table])).rows[0]!.found;

test("before the first migrate every other command says what to do", async () => {
  const { code, stderr } = await rowhouse("tenant", "list");
  expect(code).toBe(1);
  expect(stderr).toMatch(/hint: .*`rowhouse migrate`/);
});

test("--check exits with 3 and --dry-run prints the SQL; neither changes anything", async () => {
  const check = await rowhouse("migrate", "--check");
  expect(check).toMatchObject({ code: 3, stderr: expect.stringContaining("0 migrations applied") });
  expect(check.stdout).toMatch(/^pending {2}platform 0001_registry\n/);
  const dry = await rowhouse("migrate", "--dry-run");
  expect(dry.code).toBe(0);
  expect(dry.stdout).toMatch(
    /-- platform 0001_registry\n-- Up Migration[^]*create table platform\.tenants[^]*-- app 0002_customers/,
  );
  expect(dry.stdout).not.toContain("drop table platform.tenants");
  expect(await exists("platform.tenants")).toBe(false);
});

test("runs the platform's migrations and then the app's; a second run waits for the first and finds nothing to do", async () => {
  const runs = await Promise.all([rowhouse("migrate", "--json"), rowhouse("migrate", "--json")]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  const counts = runs.map((run) => run.json<{ app: string[] }>().app.length);
  expect(counts.toSorted((one, other) => one - other)).toEqual([0, await countSales()]);
  const again = await rowhouse("migrate", "--check", "--json");
  expect(again).toMatchObject({ code: 0 });
  expect(again.json()).toMatchObject({ pending: [] });
});

test("says so when it waits", async () => {
  const holder = new pg.Client({ connectionString: db.url });
  await holder.connect();
  await holder.query("select pg_advisory_lock(2172468183722)"); // the lock of src/db/migrate.ts
  const child = start(["migrate"], { env: { DATABASE_URL: db.url, ROWHOUSE_APP: app } });
  const running = ended(child);
  child.stdin.end();
  let said = "";
  child.stderr.on("data", (text: string) => (said += text));
  await expect.poll(() => said).toContain("Another migrate is running; waiting");
  await holder.end();
  expect(await running).toMatchObject({ code: 0 });
});

test("one more file, taken back, marked, and run", async () => {
  await writeFile(join(app, "migrations", "0100_notes.sql"), NOTES);
  expect(await rowhouse("migrate")).toMatchObject({ code: 0, stdout: "applied  app 0100_notes\n" });
  expect(await exists("app.notes")).toBe(true);
  const down = await rowhouse("migrate", "--down", "1", "--json");
  expect(down.json()).toEqual({ set: "app", undone: ["0100_notes"] });
  expect(await exists("app.notes")).toBe(false);
  expect((await rowhouse("migrate", "--fake", "--json")).json()).toEqual({
    platform: [],
    app: ["0100_notes"],
    fake: true,
  });
  expect(await exists("app.notes")).toBe(false);
  expect(await rowhouse("migrate", "--down", "none")).toMatchObject({ code: 2 });
});

test("an applied file that was edited is refused by name", async () => {
  await writeFile(join(app, "migrations", "0100_notes.sql"), `${NOTES}-- edited\n`);
  const { code, stderr } = await rowhouse("migrate", "--check");
  expect(code).toBe(5);
  expect(stderr).toMatch(/0100_notes was edited in .*\[RH410\]\nhint: /);
});

test("a folder that is no app is not taken for one that is up to date", async () => {
  expect(await rowhouse("migrate", "--check", "--app", "/nowhere")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("/nowhere"),
  });
});

test("--quiet leaves the answer and the warnings", async () => {
  await writeFile(join(app, "migrations", "0100_notes.sql"), NOTES);
  const { code, stdout, stderr } = await rowhouse("migrate", "--quiet");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr.split("\n").filter((line) => line !== "" && !line.startsWith("warning:"))).toEqual([]);
});
