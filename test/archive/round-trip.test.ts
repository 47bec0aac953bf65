import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
let dir: string;
beforeAll(async () => {
  db = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), "rowhouse-archive-"));
});
afterAll(async () => {
  await db.close();
  await rm(dir, { recursive: true });
});

test("export, verify, restore --as", async () => {
  const path = join(dir, "acme.rowhouse");
  const t0 = performance.now();
  const manifest = await exportTenant(db.database, { slug: "acme" }, { path });
  const t1 = performance.now();
  expect(await verifyArchive(path)).toEqual(manifest);
  const t2 = performance.now();
  const { tenant } = await restoreArchive(db.database, path, { as: "acme-copy" });
  const t3 = performance.now();
  console.log(t1 - t0, t2 - t1, t3 - t2, manifest.tables.map((t) => [t.name, t.rows, t.rawBytes, t.fileBytes]));
  expect(await readContent(db.database, tenant)).toEqual(await readContent(db.database, await db.tenant("acme")));
});
