import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { SALES, testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { runOn, type Ended } from "./rowhouse.ts";

vi.setConfig({ testTimeout: 300_000 }); // each test starts several processes

let home: TestDatabase;
let big1: DedicatedDatabase;
let big2: DedicatedDatabase;
let app: string;
let rowhouse: (...args: string[]) => Promise<Ended>;

interface Run {
  readonly database: string;
  readonly outcome: string;
  readonly applied: string[];
  readonly pending: { name: string }[];
  readonly before: { platform: string[]; app: string[] } | null;
  readonly after: { platform: string[]; app: string[] } | null;
  readonly error: { code: string; message: string; hint: string } | null;
}

beforeAll(async () => {
  home = await testDatabase();
  app = join(await mkdtemp(join(tmpdir(), "rowhouse-app-")), "sales");
  await cp(SALES, app, { recursive: true });
  [big1, big2] = [await home.dedicated("big1"), await home.dedicated("big2")];
  rowhouse = runOn(home.url, { ROWHOUSE_APP: app });
  await rowhouse("migrate", "--all"); // whatever the helper made of them; the first test sees whether it went well
});
afterAll(async () => {
  await home.close();
  await rm(join(app, ".."), { recursive: true });
});

const write = (name: string, up: string, down = "select 1") =>
  writeFile(join(app, "migrations", `${name}.sql`), `-- Up Migration\n${up};\n\n-- Down Migration\n${down};\n`);
const addColumn = (name: string, column: string) =>
  write(
    name,
    `alter table app.customers add column ${column} text; select platform.protect_table('app.customers')`,
    `alter table app.customers drop column ${column}`,
  );
const hasColumn = async ({ admin }: { admin: pg.Client }, column: string) =>
  (
    await admin.query("select from information_schema.columns where table_name = 'customers' and column_name = $1", [
      column,
    ])
  ).rowCount === 1;
const everywhere = (column: string) => Promise.all([home, big1, big2].map((one) => hasColumn(one, column)));
const runsOf = (ended: Ended) => ended.json<{ databases: Run[] }>().databases;
const setSecret = (name: string, reference: string) =>
  home.admin.query("update platform.databases set secret_ref = $2 where name = $1", [name, reference]);

describe("all databases", () => {
  test("--check and --dry-run say what is pending in each, and change nothing", async () => {
    await addColumn("0100_nick", "nick");
    const check = await rowhouse("migrate", "--all", "--check", "--json");
    expect(check.code).toBe(3);
    expect(runsOf(check).map((run) => [run.database, run.outcome, run.pending])).toEqual(
      ["shared", "big1", "big2"].map((name) => [name, "pending", [{ set: "app", name: "0100_nick" }]]),
    );
    const dry = await rowhouse("migrate", "--all", "--dry-run");
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(/^-- shared: app 0100_nick\n-- big1: app 0100_nick\n-- big2: app 0100_nick\n/);
    expect(dry.stdout.match(/alter table app\.customers add column nick/g)).toHaveLength(1);
    expect(await everywhere("nick")).toEqual([false, false, false]);
  });

  test("one that can't be reached is reported, the others go on, and running again does the rest", async () => {
    await setSecret("big1", "env:NOBODY_SET_THIS");
    const run = await rowhouse("migrate", "--all", "--json", "--concurrency", "2");
    expect(run.code).toBe(1);
    expect(
      runsOf(run).map(({ database, outcome, applied, error }) => [database, outcome, applied, error?.code]),
    ).toEqual([
      ["shared", "migrated", ["app 0100_nick"], undefined],
      ["big1", "failed", [], "RH401"],
      ["big2", "migrated", ["app 0100_nick"], undefined],
    ]);
    const [first, , last] = runsOf(run);
    expect(first!.before!.app).not.toContain("0100_nick");
    expect([first!.after!.app.at(-1), last!.after!.app.at(-1)]).toEqual(["0100_nick", "0100_nick"]);
    const events = run.lines().map(({ event, database }) => `${String(event)} ${String(database)}`);
    expect(events.slice(0, 2)).toEqual(["started shared", "done shared"]);
    expect(await everywhere("nick")).toEqual([true, false, true]);

    await setSecret("big1", big1.secretRef);
    const again = await rowhouse("migrate", "--all");
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^DATABASE +RESULT +PLATFORM +APP +APPLIED +PENDING +TIME +ERROR\nshared +current /);
    expect(again.stdout).toMatch(/\nbig1 +migrated .*0009_invoice_totals → 0100_nick +1 +0 /);
    expect(again.stderr).toMatch(/^big1: migrated, 1 applied, /m);
    expect(again.stderr).toContain("3 databases: 1 migrated, 2 current.");
    expect(await everywhere("nick")).toEqual([true, true, true]);
  });

  test("a server that is down is one failure, with its address and without its password", async () => {
    const path = join(app, "..", "down");
    await writeFile(path, "postgres://owner:hunter2@127.0.0.1:1/gone");
    await setSecret("big2", `file:${path}`);
    const run = await rowhouse("migrate", "--all", "--check");
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/\nbig2 +failed .*RH302/);
    expect(run.stderr).toContain("big2: Can't connect to PostgreSQL at 127.0.0.1:1/gone");
    expect(run.stdout + run.stderr).not.toContain("hunter2");
    await setSecret("big2", big2.secretRef);
  });

  test("when the registry's database fails, nothing else is run", async () => {
    await write("0101_broken", "create table app.customers (id int)");
    const run = await rowhouse("migrate", "--all", "--json");
    expect(run.code).toBe(1);
    expect(runsOf(run).map(({ database, outcome, error }) => [database, outcome, error?.code])).toEqual([
      ["shared", "failed", "RH411"],
      ["big1", "skipped", undefined],
      ["big2", "skipped", undefined],
    ]);
    expect((await rowhouse("migrate", "--all")).stderr).toMatch(
      /shared: 0101_broken: relation "customers" already exists \[RH411\]/,
    );
    await rm(join(app, "migrations", "0101_broken.sql"));
  });

  test("one whose table is in use gives up, says who, and holds none of the others up", async () => {
    await addColumn("0102_email", "email2");
    const blocker = new pg.Client({ connectionString: big1.url, application_name: "nightly report" });
    await blocker.connect();
    await blocker.query("begin; lock table app.customers in access share mode");
    // Long enough for the others: roles belong to the whole cluster, where other databases' migrates change them at this moment.
    const limits = ["--lock-timeout", "200ms", "--lock-wait", "10s"];
    const run = await rowhouse("migrate", "--all", "--json", ...limits);
    expect(run.code).toBe(1);
    expect(runsOf(run).map(({ database, outcome, error }) => [database, outcome, error?.code])).toEqual([
      ["shared", "migrated", undefined],
      ["big1", "failed", "RH420"],
      ["big2", "migrated", undefined],
    ]);
    expect(run.lines()).toContainEqual(
      expect.objectContaining({
        event: "blocked",
        database: "big1",
        blockers: [expect.objectContaining({ application: "nightly report" })],
      }),
    );
    await blocker.query("commit");
    await blocker.end();
    expect(await rowhouse("migrate", "--all")).toMatchObject({ code: 0 });
    expect(await everywhere("email2")).toEqual([true, true, true]);
  });
});

describe("one database", () => {
  test("by its name, or by a tenant who lives there", async () => {
    await addColumn("0103_fax", "fax");
    expect(await rowhouse("migrate", "--database", "big1", "--json")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("RH412"),
    });
    expect(await rowhouse("migrate")).toMatchObject({
      code: 0,
      stdout: "applied  app 0103_fax\n",
      stderr: expect.stringContaining("2 other databases of this deployment: `rowhouse migrate --all`"),
    });
    expect(runsOf(await rowhouse("migrate", "--database", "big1", "--json"))).toMatchObject([
      { database: "big1", outcome: "migrated", applied: ["app 0103_fax"] },
    ]);
    expect(await everywhere("fax")).toEqual([true, true, false]);
    await home.admin.query("update platform.tenants set moved_to = 'big2' where slug = 'acme'");
    expect(runsOf(await rowhouse("migrate", "--tenant", "acme", "--json"))).toMatchObject([
      { database: "big2", outcome: "migrated" },
    ]);
    expect(runsOf(await rowhouse("migrate", "--tenant", "globex", "--check", "--json"))).toMatchObject([
      { database: "shared", outcome: "current" },
    ]);
    await home.admin.query("update platform.tenants set moved_to = null where slug = 'acme'");
    expect(await everywhere("fax")).toEqual([true, true, true]);
  });

  test("takes back and brings up again", async () => {
    expect((await rowhouse("migrate", "--database", "big1", "--down", "1", "--json")).json()).toEqual({
      set: "app",
      undone: ["0103_fax"],
    });
    expect(await everywhere("fax")).toEqual([true, false, true]);
    expect((await rowhouse("migrate", "--all", "--check")).stdout).toMatch(/\nbig1 +pending /);
    expect(await rowhouse("migrate", "--tenant", "nobody")).toMatchObject({ code: 4 });
    expect(await rowhouse("migrate", "--database", "nowhere")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("RH702"),
    });
    expect(await rowhouse("migrate", "--all")).toMatchObject({ code: 0 });
  });

  test.each([
    ["--all", "--tenant", "acme"],
    ["--tenant", "acme", "--database", "big1"],
    ["--concurrency", "2"],
    ["--all", "--concurrency", "0"],
    ["--all", "--concurrency", "many"],
    ["--all", "--down", "1"],
    ["--all", "--fake"],
    ["--lock-wait", "soon"],
  ])("%s %s %s is refused", async (...args) => {
    expect(await rowhouse("migrate", ...args.filter((arg) => arg !== undefined))).toMatchObject({ code: 2 });
  });
});

describe("while a tenant is being moved", () => {
  const setState = (state: string) => home.admin.query("update platform.moves set state = $1", [state]);

  test("its two databases keep their schema, and a third is migrated", async () => {
    await home.admin.query(
      `insert into platform.moves (id, tenant_id, slug, from_database, to_database, state, token, epoch, forward_name, reverse_name, settings, actor)
       select gen_random_uuid(), id, slug, 'big1', 'big2', 'copying', gen_random_uuid(), epoch, 'f', 'r', '{}', 'test'
       from platform.tenants where slug = 'acme'`,
    );
    expect(await rowhouse("migrate", "--all")).toMatchObject({ code: 0 }); // nothing is pending: nothing is in the way
    await addColumn("0104_web", "web");
    const run = await rowhouse("migrate", "--all", "--json");
    expect(run.code).toBe(1);
    expect(runsOf(run).map(({ database, outcome, error }) => [database, outcome, error?.code])).toEqual([
      ["shared", "migrated", undefined],
      ["big1", "failed", "RH711"],
      ["big2", "failed", "RH711"],
    ]);
    expect(runsOf(run)[1]!.error!.message).toContain("acme from big1 to big2 (copying)");
    expect(await everywhere("web")).toEqual([true, false, false]);
    expect(await rowhouse("migrate", "--database", "big1")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("--force"),
    });
  });

  test("--force migrates them all the same; once it only keeps the way back open, a warning is enough", async () => {
    expect(await rowhouse("migrate", "--database", "big1", "--force")).toMatchObject({ code: 0 });
    await setState("observing");
    const run = await rowhouse("migrate", "--all");
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/warning: big2: acme can still be taken back from big2 to big1/);
    expect(await everywhere("web")).toEqual([true, true, true]);
  });

  test("the registry's own is asked after as well, by the plain command", async () => {
    await home.admin.query("update platform.moves set from_database = 'shared', state = 'ready'");
    await addColumn("0105_icq", "icq");
    expect(await rowhouse("migrate")).toMatchObject({ code: 5, stderr: expect.stringContaining("RH711") });
    expect(await hasColumn(home, "icq")).toBe(false);
    await home.admin.query("update platform.moves set state = 'aborted', finished_at = now()");
    expect(await rowhouse("migrate", "--all")).toMatchObject({ code: 0 });
  });
});
