import { afterAll, beforeAll, expect, test } from "vitest";
import { closeEndpoint, openEndpoint } from "../../src/move/endpoint.ts";
import { findOrphans } from "../../src/move/orphan.ts";
import { runMove } from "../../src/move/mover.ts";
import type { MoveSite } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
let site: MoveSite;

beforeAll(async () => {
  db = await testDatabase();
  await db.dedicated("big1");
  site = { home: db.database, platform: db.platform, actor: "operator:test" };
});
afterAll(() => db.close());

const orphansOf = async (name: string) => {
  const endpoint = await openEndpoint(site, name, "00000000-0000-4000-8000-000000000000");
  try {
    return await findOrphans(endpoint, db.platform);
  } finally {
    await closeEndpoint(endpoint);
  }
};

test("what a move keeps is its own; what nobody has written down is an orphan, and its fix removes it", async () => {
  const move = await startMove(site, { slug: "initech", to: "big1" });
  await runMove(site, move!);
  expect(await orphansOf("shared")).toEqual([]);
  expect(await orphansOf("big1")).toEqual([]);
  await db.admin.query("select pg_create_logical_replication_slot('rowhouse_move_lost', 'pgoutput')");
  await db.admin.query(
    "create publication rowhouse_move_lost for table platform.move_watermarks where (tenant_id is null)",
  );
  const orphans = await orphansOf("shared");
  expect(orphans.map(({ kind, name, database }) => ({ kind, name, database }))).toEqual([
    { kind: "slot", name: "rowhouse_move_lost", database: "shared" },
    { kind: "publication", name: "rowhouse_move_lost", database: "shared" },
  ]);
  for (const { fix } of orphans) await db.admin.query(fix);
  expect(await orphansOf("shared")).toEqual([]);
});
