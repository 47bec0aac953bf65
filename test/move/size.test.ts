import { afterAll, beforeAll, expect, test } from "vitest";
import { readTenantTables } from "../../src/db/tables.ts";
import { readTenantSize, type TenantSize } from "../../src/move/size.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
let mover: Awaited<ReturnType<TestDatabase["database"]["connect"]>>;

beforeAll(async () => {
  db = await testDatabase();
  mover = await db.database.connect("rowhouse_mover");
});
afterAll(async () => {
  await mover.end();
  await db.close();
});

async function sizeOf(slug: string): Promise<TenantSize> {
  return readTenantSize(mover, await readTenantTables(db.admin), (await db.tenant(slug)).id);
}

async function countRows(slug: string): Promise<number> {
  let count = 0;
  for (const { identifier } of await readTenantTables(db.admin)) {
    const text = `select count(*)::int as count from ${identifier} where tenant_id = $1`;
    count += (await db.admin.query<{ count: number }>(text, [(await db.tenant(slug)).id])).rows[0]!.count;
  }
  return count;
}

test("few rows are counted, many are estimated, and other tenants' bytes are not this one's", async () => {
  await db.admin.query("analyze");
  const small = await sizeOf("globex");
  expect(small.rows).toBe(await countRows("globex"));
  const { id } = await db.tenant("acme");
  const text =
    "insert into app.customers (tenant_id, number, name) select $1, 'n' || n, 'n' from generate_series(1, 40000) n";
  await db.admin.query(text, [id]);
  await db.admin.query("analyze app.customers");
  const large = await sizeOf("acme");
  const counted = await countRows("acme");
  expect(large.rows).toBeGreaterThan(counted * 0.9);
  expect(large.rows).toBeLessThan(counted * 1.1);
  expect(large.bytes).toBeGreaterThan(40_000 * 100);
  const after = await sizeOf("globex");
  expect(after.rows).toBe(small.rows);
  expect(after.bytes).toBeLessThan(large.bytes / 10);
});
