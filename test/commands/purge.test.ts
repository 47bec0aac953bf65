import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { makeLibrary } from "../http/library.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let rowhouse: (...args: string[]) => Promise<Ended>;
let acme: string;
beforeAll(async () => {
  db = await testDatabase();
  await makeLibrary(db);
  acme = (await db.tenant("acme")).id;
  await db.admin.query("update app.books set deleted_at = now() - interval '40 days' where id in (11, 12)");
  rowhouse = runOn(db.url);
});
afterAll(() => db.close());

const deleted = async (table: string, tenantId?: string) =>
  (
    await db.admin.query(`select from ${table} where deleted_at is not null and ($1::uuid is null or tenant_id = $1)`, [
      tenantId ?? null,
    ])
  ).rowCount;

describe("purge", () => {
  test("counts first", async () => {
    const { code, stdout, stderr } = await rowhouse("purge", "acme", "--older-than", "30d", "--dry-run");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^TABLE +ROWS\n/) as string });
    expect(stdout).toMatch(/app\.books +2\n/);
    expect(stderr).toMatch(/Would remove 2 rows of acme.* Nothing was removed/);
    expect(await deleted("app.books")).toBe(6);
  });

  test("what others point at stays, and is named", async () => {
    const blocked = await rowhouse("purge", "acme", "--table", "books", "--older-than", "30d", "--json");
    expect(blocked.code).toBe(5);
    expect(blocked.stderr).toContain("RH425");
    expect(await deleted("app.books")).toBe(6);
  });

  test("removes what is old enough, of this tenant alone, children first", async () => {
    await db.admin.query(
      "update app.book_topics set deleted_at = now() - interval '40 days' where book_id in (11, 12)",
    );
    const purged = await rowhouse("purge", "acme", "--older-than", "30d", "--json");
    expect(purged.code).toBe(0);
    expect(purged.json()).toEqual({
      event: "done",
      tenant: "acme",
      dryRun: false,
      before: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      tables: expect.arrayContaining([
        { table: "app.book_topics", rows: 4 },
        { table: "app.books", rows: 2 },
        { table: "app.shelves", rows: 0 },
      ]) as unknown,
      rows: 6,
    });
    expect(await deleted("app.books", acme)).toBe(1);
    expect(await deleted("app.books")).toBe(4);
    expect((await db.admin.query("select from app.books where tenant_id = $1", [acme])).rowCount).toBe(10);
  });

  test("goes on in batches", async () => {
    await db.admin.query(
      "insert into app.books (tenant_id, id, title, deleted_at) select $1, n, 'many', now() - interval '1 hour' from generate_series(1000, 3499) n",
      [acme],
    );
    const purged = await rowhouse("purge", "acme", "--table", "app.books", "--older-than", "30m", "--json");
    expect(purged.json()).toMatchObject({ rows: 2500 });
  });

  test("wants to know how old, and a table that keeps its rows", async () => {
    expect((await rowhouse("purge", "acme")).code).toBe(2);
    expect((await rowhouse("purge", "acme", "--older-than", "soon")).code).toBe(2);
    const loans = await rowhouse("purge", "acme", "--table", "loans", "--older-than", "1d");
    expect(loans.code).toBe(4);
    expect(loans.stderr).toMatch(/There is no table loans with a column deleted_at[\s\S]*app\.books/);
    expect((await rowhouse("purge", "nobody", "--older-than", "1d")).code).toBe(4);
  });
});
