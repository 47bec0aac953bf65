import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { testDatabase, TEST_SECRET } from "../harness.ts";
test("x", { timeout: 120000 }, async () => {
  await using db = await testDatabase();
  await db.dedicated("big1");
  await db.admin.query(
      "insert into app.customers (tenant_id, number, name) select $1, 'bulk-' || n, repeat('x', 100) from generate_series(1, 200000) n",
      [(await db.tenant("globex")).id],
    );
  const env = { ...process.env, DATABASE_URL: db.url, ROWHOUSE_SECRET: TEST_SECRET, COLUMNS: "110" };
  for (const [i, c] of ["promote globex --to big1", "moves rollback globex", "moves resume globex --finish", "moves show globex", "moves list"].entries()) {
    const { stdout } = await promisify(execFile)("script", ["-qec", `stty cols 110; ${process.execPath} src/cli.ts ${c}`, "/dev/null"], { env, maxBuffer: 1e8 });
    writeFileSync(`/tmp/m2view${i}.txt`, stdout);
  }
  expect(1).toBe(1);
});
