import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isWithheld } from "../../src/archive/withheld.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { untilBlocked } from "./blocked.ts";
import { ended, runOn, start, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let folder: string;
let rowhouse: (...args: string[]) => Promise<Ended>;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  db = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "rowhouse-archive-"));
  rowhouse = runOn(db.url);
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

/** Rows of a tenant, table by table. */
async function tablesOf(slug: string): Promise<readonly { readonly table: string }[]> {
  return (await rowhouse("tenant", "show", slug, "--json")).json<{ tables: { table: string }[] }>().tables;
}
const sharedOf = async (slug: string) => (await tablesOf(slug)).filter(({ table }) => !isWithheld(table));

test("export prints a table of what is in the file, and refuses to replace one", async () => {
  const { code, stdout, stderr } = await rowhouse("export", "globex", "-o", file("globex.rowhouse"));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^TABLE +ROWS +BYTES +SHA-256\n[^]*app\.invoices +[\d,]+ +\S+ kB +[0-9a-f]{64}\n/);
  expect(stderr).toMatch(/[\d,]+ rows, .* in \S+globex\.rowhouse \(.*\), /);
  expect(await rowhouse("export", "globex", "-o", file("globex.rowhouse"))).toMatchObject({ code: 5, stdout: "" });
  expect(await rowhouse("export", "globex", "-o", file("globex.rowhouse"), "--overwrite")).toMatchObject({ code: 0 });
  expect(await rowhouse("export", "nobody", "-o", file("nobody.rowhouse"))).toMatchObject({ code: 4 });
  expect(await readdir(folder)).toEqual(["globex.rowhouse"]);
});

test("with --json progress comes as events, and the last line is the answer", async () => {
  const { code, lines } = await rowhouse("export", "acme", "-o", file("acme.rowhouse"), "--json");
  expect(code).toBe(0);
  const events = lines();
  expect(events.slice(0, -1).every(({ event }) => event === "progress")).toBe(true);
  expect(events).toContainEqual(expect.objectContaining({ phase: "copy", table: "app.invoice_items", done: true }));
  expect(events.at(-1)).toMatchObject({
    event: "done",
    path: file("acme.rowhouse"),
    tables: (await tablesOf("acme")).filter(({ table }) => table !== "tenant.idempotency_keys").length,
    manifest: { format: "rowhouse-archive" },
  });
});

test("verify needs no database, and names what is damaged", async () => {
  const offline = runOn("postgres://nobody:nothing@127.0.0.1:1/none");
  expect(await offline("verify", file("globex.rowhouse"))).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("Whole: globex as of"),
  });
  const { json } = await offline("verify", file("globex.rowhouse"), "--json");
  expect(json()).toMatchObject({ event: "done", manifest: { tenant: { slug: "globex" } } });

  const archive = await open(file("globex.rowhouse"), "r+");
  const { size } = await archive.stat();
  const middle = Buffer.alloc(1);
  await archive.read(middle, 0, 1, Math.floor(size / 2));
  await archive.write(Buffer.from([middle[0]! ^ 1]), 0, 1, Math.floor(size / 2));
  await archive.close();
  const damaged = await offline("verify", file("globex.rowhouse"));
  expect(damaged).toMatchObject({ code: 1, stdout: "" });
  expect(damaged.stderr).toMatch(/\[RH500\]/);
  expect(await rowhouse("restore", file("globex.rowhouse"), "--as", "globex-2")).toMatchObject({ code: 1 });
  expect(await rowhouse("tenant", "show", "globex-2")).toMatchObject({ code: 4 });
});

test("restore --as makes an equal tenant beside the first; without it the tenant has to be gone", async () => {
  expect(await rowhouse("restore", file("acme.rowhouse"))).toMatchObject({
    code: 5,
    stderr: expect.stringContaining("--as"),
  });
  const { code, json } = await rowhouse(
    "restore",
    file("acme.rowhouse"),
    "--as",
    "acme-copy",
    "--name",
    "A copy",
    "--json",
  );
  expect(code).toBe(0);
  expect(json()).toMatchObject({
    event: "done",
    created: true,
    tenant: { slug: "acme-copy", name: "A copy", url: "http://acme-copy.localhost:3000" },
  });
  expect(await sharedOf("acme-copy")).toEqual(await sharedOf("acme"));
  const before = await tablesOf("acme");
  await rowhouse("tenant", "delete", "acme", "--yes");
  const back = await rowhouse("restore", file("acme.rowhouse"));
  expect(back).toMatchObject({ code: 0, stderr: expect.stringContaining("restored and compared") });
  expect(back.stdout).toMatch(/\nacme {2}http:\/\/acme\.localhost:3000\n$/);
  expect(await tablesOf("acme")).toEqual(before);
});

/** In the middle, however fast an export is: there is a table that it can't read until `commit`. */
async function beginExport(path: string) {
  await db.admin.query("begin; lock table app.expenses in access exclusive mode");
  const child = start(["export", "acme", "-o", path, "--json"], { env: { DATABASE_URL: db.url } });
  child.stdin.end();
  const end = ended(child);
  await untilBlocked(db);
  return { child, end };
}

test("an export that is interrupted leaves nothing and ends with 130", async () => {
  const { child, end } = await beginExport(file("cut.rowhouse"));
  child.kill("SIGINT");
  const { code, stdout, stderr } = await end;
  await db.admin.query("commit");
  expect(code).toBe(130);
  expect(stdout).not.toContain('"event":"done"');
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "INTERRUPTED", message: "Interrupted by SIGINT" } });
  expect((await readdir(folder)).filter((name) => name.includes("cut"))).toEqual([]);
});

test("an export that is killed leaves a hidden folder, which the next one sweeps", async () => {
  const { child, end } = await beginExport(file("killed.rowhouse"));
  child.kill("SIGKILL");
  await end;
  await db.admin.query("commit");
  const left = (await readdir(folder)).filter((name) => name.includes("killed"));
  expect(left).toEqual([expect.stringMatching(/^\.killed\.rowhouse\.partial-/)]);
  expect(await rowhouse("export", "globex", "-o", file("after.rowhouse"))).toMatchObject({ code: 0 });
  expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
});
