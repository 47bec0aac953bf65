import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { isWithheld } from "../../src/archive/withheld.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let folder: string;
let rowhouse: (...args: string[]) => Promise<Ended>;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  db = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "rowhouse-round-trip-"));
  rowhouse = runOn(db.url);
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

test("export, verify, restore --as, diff: nothing differs, for the whole sales app", async () => {
  expect(await rowhouse("export", "acme", "-o", file("acme.rowhouse"), "--sign")).toMatchObject({ code: 0 });
  expect(await rowhouse("verify", file("acme.rowhouse"))).toMatchObject({ code: 0 });
  expect(await rowhouse("restore", file("acme.rowhouse"), "--as", "acme-copy")).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("signed by this deployment"),
  });
  const { tables } = (await rowhouse("tenant", "show", "acme", "--json")).json<{ tables: { table: string }[] }>();
  const archived = tables.filter(({ table }) => table !== "tenant.idempotency_keys");
  const shared = archived.filter(({ table }) => !isWithheld(table));
  for (const [one, other, compared] of [
    [file("acme.rowhouse"), "acme-copy", shared],
    ["acme", "acme-copy", shared],
    [file("acme.rowhouse"), "acme", archived],
  ] as const) {
    const { code, stdout, stderr } = await rowhouse("diff", one, other);
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringMatching(new RegExp(`^Equal: [\\d,]+ rows in ${compared.length} tables`, "m")),
    });
  }
});

describe("after a change", () => {
  test("diff says which rows, and ends with 3", async () => {
    await db.admin.query("update app.customers set name = 'Changed' where tenant_id = $1 and number = 'C-00001'", [
      (await db.tenant("acme-copy")).id,
    ]);
    const { code, stdout } = await rowhouse("diff", file("acme.rowhouse"), "acme-copy");
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^TABLE +EQUAL +INSERTED +UPDATED +DELETED\napp\.customers +\d+ +0 +1 +0\napp\.customers {2}updated: [0-9a-f-]{36}\n$/,
    );
    const { json } = await rowhouse("diff", file("acme.rowhouse"), "acme-copy", "--json", "--examples", "0");
    expect(json()).toMatchObject({
      equal: false,
      tables: expect.arrayContaining([expect.objectContaining({ updated: 1 })]),
    });
  });

  test("restore --dry-run says what it would do and does nothing; --only and --replace do it", async () => {
    const dry = await rowhouse("restore", file("acme.rowhouse"), "--as", "acme-copy", "--dry-run");
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/app\.customers +0 +1 +0/) });
    expect(dry.stderr).toContain("Nothing was written.");
    expect(await rowhouse("restore", file("acme.rowhouse"), "--as", "acme-copy")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("--replace"),
    });
    const only = await rowhouse("restore", file("acme.rowhouse"), "--as", "acme-copy", "--only", "customers", "--json");
    expect(only.json()).toMatchObject({ dryRun: false, inserts: 0, updates: 1, deletes: 0 });
    const whole = await rowhouse("restore", file("acme.rowhouse"), "--as", "acme-copy", "--replace", "--json");
    expect(whole.json()).toMatchObject({ inserts: 0, updates: 0, deletes: 0, tenant: { slug: "acme-copy" } });
    expect(await rowhouse("diff", file("acme.rowhouse"), "acme-copy")).toMatchObject({ code: 0 });
  });
});

test("clone --mask makes a tenant without the source's personal data", async () => {
  await writeFile(file("mask.json"), '{"app.customers.city": {"constant": "Nowhere"}}');
  const cloned = await rowhouse(
    "clone",
    "acme",
    "acme-staging",
    "--mask",
    "default",
    "--mask",
    file("mask.json"),
    "--json",
  );
  expect(cloned.json()).toMatchObject({
    from: "acme",
    masked: true,
    tenant: { slug: "acme-staging", status: "active" },
  });
  const { code, json } = await rowhouse("diff", "acme", "acme-staging", "--json");
  expect(code).toBe(3);
  const changed = json<{ tables: { table: string; updated: number }[] }>().tables.filter(({ updated }) => updated > 0);
  expect(changed.map(({ table }) => table)).toEqual(expect.arrayContaining(["app.customers", "tenant.users"]));
  expect(changed.map(({ table }) => table)).not.toContain("app.tax_rates");
  expect(await rowhouse("clone", "acme", "acme-odd", "--mask", file("none.json"))).toMatchObject({ code: 4 });
});

describe("tenant delete --receipt", () => {
  test("leaves a receipt that verify accepts, and that can't be edited", async () => {
    const path = file("acme-copy.receipt.json");
    const { code, json } = await rowhouse("tenant", "delete", "acme-copy", "--yes", "--receipt", path, "--json");
    expect(code).toBe(0);
    expect(json()).toMatchObject({ slug: "acme-copy", receipt: { rowsLeft: 0, tenant: { slug: "acme-copy" } } });
    const verified = await rowhouse("verify", path);
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/app\.invoice_items +[\d,]+/) });
    expect(verified.stderr).toContain("signed by this deployment");
    await writeFile(path, (await readFile(path, "utf8")).replace('"actor": "', '"actor": "not '));
    expect(await rowhouse("verify", path)).toMatchObject({ code: 1, stderr: expect.stringContaining("RH507") });
  });

  test("deletes nothing where the receipt can't be written", async () => {
    await writeFile(file("there.json"), "");
    const { code } = await rowhouse("tenant", "delete", "acme-staging", "--yes", "--receipt", file("there.json"));
    expect(code).toBe(5);
    expect(await rowhouse("tenant", "show", "acme-staging")).toMatchObject({ code: 0 });
  });
});
