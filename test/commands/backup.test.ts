import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { untilBlocked } from "./blocked.ts";
import { ended, runOn, start, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let dir: string;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), "rowhouse-backup-"));
  rowhouse = runOn(db.url);
});
afterAll(async () => {
  await db.close();
  await rm(dir, { recursive: true });
});

const named = (slug: string) => expect.stringMatching(new RegExp(`^${slug}-\\d{8}T\\d{6}Z\\.rowhouse$`));

test("export --all writes an archive of each tenant, and prints a table of them", async () => {
  const { code, stdout, stderr } = await rowhouse("export", "--all", "--dir", dir);
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/3 tenants in \S+, .*; 0 failed\.\n$/),
  });
  expect(stdout).toMatch(
    /^TENANT +ROWS +BYTES +TIME +FILE +REMOVED\nacme +[\d,]+ +[\d.]+ kB +[\d.]+ s +\S+\/acme-\d{8}T/,
  );
  expect((await readdir(dir)).toSorted()).toEqual([named("acme"), named("globex"), named("initech")]);
});

test("with --json there are events of each tenant, then the summary; a failure makes the exit code 1", async () => {
  const old = join(dir, "globex-20200101T000000Z.rowhouse");
  const globex = (await readdir(dir)).find((name) => name.startsWith("globex"))!;
  await copyFile(join(dir, globex), old);
  // A tenant whose rows nobody can read: the exporter's context is refused.
  await db.admin.query("update platform.tenants set seal = decode(repeat('00', 32), 'hex') where slug = 'initech'");
  const { code, lines } = await rowhouse("export", "--all", "--dir", dir, "--keep", "1", "--json");
  expect(code).toBe(1);
  const events = lines();
  expect(events).toContainEqual(
    expect.objectContaining({ event: "progress", tenant: "acme", phase: "copy", done: true }),
  );
  const told = events.filter(({ event }) => event === "tenant");
  expect(told.map(({ tenant }) => String(tenant)).toSorted()).toEqual(["acme", "globex", "initech"]);
  expect(events.at(-1)).toMatchObject({
    event: "done",
    dir,
    failed: 1,
    tenants: [
      { tenant: "acme", verified: true, removed: [named("acme")] },
      { tenant: "globex", verified: true, removed: [globex, "globex-20200101T000000Z.rowhouse"] },
      { tenant: "initech", rows: null, removed: [], error: { message: expect.any(String), code: expect.any(String) } },
    ],
  });
  expect((await readdir(dir)).toSorted()).toEqual([named("acme"), named("globex"), named("initech")]);
});

test("one tenant goes into a folder in the same way", async () => {
  const { code, json } = await rowhouse("export", "globex", "--dir", dir, "--keep", "2", "--json");
  expect(code).toBe(0);
  expect(json()).toMatchObject({ failed: 0, tenants: [{ tenant: "globex", removed: [] }] });
  expect((await readdir(dir)).filter((name) => name.startsWith("globex"))).toEqual([named("globex"), named("globex")]);
  expect(await rowhouse("export", "nobody", "--dir", dir)).toMatchObject({ code: 4 });
});

test.each([
  ["--all without a folder", ["--all"]],
  ["--all and a tenant", ["globex", "--all", "--dir", "."]],
  ["--keep without a folder", ["globex", "--keep", "7"]],
  ["--keep of none", ["globex", "--dir", ".", "--keep", "0"]],
  ["--keep of what can't be told apart", ["globex", "--dir", ".", "--keep", "7", "--format", "ndjson"]],
  ["a folder and a file", ["globex", "--dir", ".", "-o", "globex.rowhouse"]],
  ["nothing", []],
])("%s is a mistake", async (_what, args) => {
  expect(await rowhouse("export", ...args)).toMatchObject({ code: 2, stdout: "" });
});

test("an interruption ends it with 130 and leaves no half file", async () => {
  const before = await readdir(dir);
  // In the middle of the first tenant, however fast an export is: a table that it can't read yet.
  await db.admin.query("begin; lock table app.expenses in access exclusive mode");
  const child = start(["export", "--all", "--dir", dir, "--json"], { env: { DATABASE_URL: db.url } });
  child.stdin.end();
  const end = ended(child);
  await untilBlocked(db);
  child.kill("SIGINT");
  const { code, stdout } = await end;
  await db.admin.query("rollback");
  expect({ code, stdout }).toMatchObject({ code: 130, stdout: expect.not.stringContaining('"event":"done"') });
  const after = await readdir(dir);
  expect(after.filter((name) => name.startsWith("."))).toEqual([]);
  expect(after.filter((name) => before.includes(name))).toEqual(before);
});
