import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { announceCatalog, migrate } from "../../src/db/migrate.ts";
import { compareVersions, misfitOf, type SchemaVersion } from "../../src/db/schema-version.ts";
import { migrateAll } from "../../src/tenant/migration.ts";
import { SALES, testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { relocate } from "../tenant/relocate.ts";
import { eventually, letLocksWait, testServer } from "./server.ts";

let db: TestDatabase;
let big1: DedicatedDatabase;
let newer: string;
beforeAll(async () => {
  db = await testDatabase();
  big1 = await db.dedicated("big1");
  await letLocksWait(big1);
  newer = join(await mkdtemp(join(tmpdir(), "rowhouse-app-")), "sales");
  await cp(SALES, newer, { recursive: true });
  await migrate(big1.database, { appDir: newer });
  await writeFile(
    join(newer, "migrations", "0100_nick.sql"),
    "-- Up Migration\nalter table app.customers add column nick text;\nselect platform.protect_table('app.customers');\n",
  );
});
afterAll(async () => {
  await db.close();
  await rm(join(newer, ".."), { recursive: true });
});

/** As if the migrations of this name had never been run, or had been. */
const forget = (set: string, name: string) =>
  db.admin.query(`delete from platform.${set}_migrations where name = $1`, [name]);
const pretend = (set: string, name: string) =>
  db.admin.query(`insert into platform.${set}_migrations (name, run_on) values ($1, now())`, [name]);

describe("a server that starts", () => {
  test("on an older platform refuses, and says what to do", async () => {
    const { rows } = await db.admin.query<{ name: string }>(
      "select name from platform.platform_migrations order by id desc limit 1",
    );
    await forget("platform", rows[0]!.name);
    await expect(testServer(db)).rejects.toMatchObject({
      code: "RH412",
      hint: expect.stringContaining("rowhouse migrate"),
    });
    await pretend("platform", rows[0]!.name);
  });

  test("on an older app is not ready, and says so", async () => {
    await using server = await testServer(db, { appDir: newer });
    expect((await server.get("localhost", "/readyz")).json()).toMatchObject({
      status: 503,
      failing: [{ fact: "migrations_pending", problem: "Migrations are pending: 0100_nick" }],
    });
  });

  test.each([
    ["platform", /this Rowhouse does not know: 9999_future$/],
    ["app", /this app does not know: 9999_future$/],
  ])("on a newer %s refuses, by name", async (set, message) => {
    await pretend(set, "9999_future");
    await expect(testServer(db)).rejects.toMatchObject({ code: "RH417", message: expect.stringMatching(message) });
    await expect(migrate(db.database, { appDir: SALES })).rejects.toMatchObject({ code: "RH417" });
    await forget(set, "9999_future");
  });
});

describe("a server that runs", () => {
  test("goes on through a migrate of all databases, for tenants in each of them", async () => {
    await relocate(db, "shared", big1, "big1", "acme");
    await using server = await testServer(db);
    const tokens = { acme: await server.token("acme"), globex: await server.token("globex") };
    const read = (slug: "acme" | "globex", select = "*") =>
      server.get(`${slug}.localhost`, `/rest/v1/customers?limit=1&select=${select}`, { token: tokens[slug] });
    await eventually(async () => expect((await read("acme")).status).toBe(200));

    const statuses: number[] = [];
    let on = true;
    const traffic = (["acme", "globex"] as const).map(async (slug) => {
      while (on) statuses.push((await read(slug)).status);
    });
    // The registry's is done first; the other one is still as it was for as long as somebody reads there.
    await big1.admin.query("begin; lock table app.customers in access share mode");
    let isRefused = false;
    const running = migrateAll({
      home: db.database,
      platform: db.platform,
      appDir: newer,
      mode: "run",
      concurrency: 2,
      lockTimeoutMs: 50,
      onEvent: (told) => (isRefused ||= told.event === "blocked" && told.database === "big1"),
    });
    await eventually(() => Promise.resolve(expect(isRefused).toBe(true)));
    const before = statuses.length;
    await eventually(() => Promise.resolve(expect(statuses.length).toBeGreaterThan(before + 20)));
    await big1.admin.query("commit");
    expect((await running).map(({ database, outcome }) => [database, outcome])).toEqual([
      ["shared", "migrated"],
      ["big1", "migrated"],
    ]);
    await eventually(async () => expect((await read("acme", "nick")).status).toBe(200));
    await eventually(async () => expect((await read("globex", "nick")).status).toBe(200));
    on = false;
    await Promise.all(traffic);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect((await server.get("localhost", "/readyz")).status).toBe(200);
  });

  test("refuses a database that was left behind, and serves it once it has caught up", async () => {
    await using server = await testServer(db, { appDir: newer });
    const token = await server.token("acme");
    const read = () => server.get("acme.localhost", "/rest/v1/customers?limit=1", { token });
    await eventually(async () => expect((await read()).status).toBe(200));
    await big1.admin.query("delete from platform.app_migrations where name = '0100_nick'");
    await announceCatalog(db.database);
    await eventually(async () => expect((await read()).json()).toMatchObject({ code: "RH706" }));
    await big1.admin.query("alter table app.customers drop column nick");
    await migrate(big1.database, { appDir: newer });
    await eventually(async () => expect((await read()).status).toBe(200));
  });
});

describe("versions", () => {
  const version = (...app: string[]): SchemaVersion => ({ platform: ["1"], app });

  test.each([
    ["the same", version("1"), version("1"), version("1"), null],
    ["registry's migrated, this one not yet, the server neither", version("1"), version("1", "2"), version("1"), null],
    ["both migrated, the server not yet", version("1", "2"), version("1", "2"), version("1"), null],
    ["left behind", version("1"), version("1", "2"), version("1", "2"), { missing: ["app 2"], extra: [] }],
    ["ahead of the registry's", version("1", "2"), version("1"), version("1"), { missing: [], extra: ["app 2"] }],
    ["of another app", version("a"), version("1"), version("1"), { missing: ["app 1"], extra: ["app a"] }],
  ])("%s", (_, database, home, served, misfit) => {
    expect(misfitOf(database, home, served)).toEqual(misfit);
  });

  test("a name means its set", () => {
    expect(compareVersions({ platform: ["1"], app: [] }, { platform: [], app: ["1"] })).toEqual({
      missing: ["app 1"],
      extra: ["platform 1"],
    });
  });
});
