import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase, type ConnectionPool } from "../../src/db/connections.ts";
import { queryRows } from "../../src/db/query.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { PATIENCE_MS, TEST_SECRET, testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
let pool: ConnectionPool;
beforeAll(async () => {
  db = await testDatabase();
  await db.admin.query(
    "grant select on pg_prepared_statements to rowhouse_api; grant execute on function pg_prepared_statement() to rowhouse_api",
  );
  pool = openDatabase(db.url, TEST_SECRET, { prepares: false }).openPool("rowhouse_api", {
    max: 1,
    waitMs: PATIENCE_MS,
  });
});
afterAll(async () => {
  await pool?.end();
  await db?.close();
});

test("with PREPARED_STATEMENTS off nothing is kept on a connection, and all works", async () => {
  const scope = await db.scope("acme");
  const one = { name: "rh_one", text: "select $1::int + 1", values: ["1"] };
  const two = { name: "rh_two", text: "select count(*) from app.customers", values: [] };
  for (let n = 0; n < 3; n += 1) {
    const [first, second] = await runScoped(pool, scope, "read", [one, two]);
    expect([first!.rows, second!.rows]).toEqual([[["2"]], [[expect.stringMatching(/^\d+$/)]]]);
  }
  await queryRows(pool, { name: "rh_three", text: "select 1" });
  // Of this very connection, since the pool has only one.
  expect(await queryRows(pool, { text: "select name from pg_prepared_statements" })).toEqual([]);
});

test("with them on they are kept", async () => {
  const prepared = openDatabase(db.url, TEST_SECRET).openPool("rowhouse_api", { max: 1, waitMs: PATIENCE_MS });
  await queryRows(prepared, { name: "rh_three", text: "select 1" });
  const kept = await queryRows(prepared, { text: "select name from pg_prepared_statements" });
  await prepared.end();
  expect(kept).toEqual([{ name: "rh_three" }]);
});
