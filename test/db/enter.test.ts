import { afterAll, beforeAll, expect, test } from "vitest";
import { runScoped } from "../../src/db/transaction.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

test("a scoped read sees the tenant's rows and nobody else's", async () => {
  const { id } = await db.tenant("globex");
  const scope = await db.scope("globex");
  const [rows] = await runScoped(db.api, scope, "read", [
    { text: "select count(*), count(*) filter (where tenant_id <> $1) from app.customers", values: [id] },
  ]);
  expect(Number(rows!.rows[0]![0])).toBeGreaterThan(0);
  expect(rows!.rows[0]![1]).toBe("0");
});
