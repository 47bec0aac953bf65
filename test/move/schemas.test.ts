import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { readTenantTables } from "../../src/db/tables.ts";
import { closeEndpoint, openEndpoint } from "../../src/move/endpoint.ts";
import { runMove } from "../../src/move/mover.ts";
import { preflight } from "../../src/move/preflight.ts";
import type { MoveSite } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { addSchemas, fillSchemas, OTHER_TABLES } from "../isolation/other-schemas.ts";
import { leftovers } from "./leftovers.ts";

let db: TestDatabase;
let big: DedicatedDatabase;
let site: MoveSite;
beforeAll(async () => {
  db = await testDatabase();
  big = await db.dedicated("big1");
  site = { home: db.database, platform: db.platform, actor: "operator:test" };
  await addSchemas(db.admin);
  await fillSchemas(db.admin, (await db.tenant("globex")).id);
  await fillSchemas(db.admin, (await db.tenant("acme")).id);
});
afterAll(() => db.close());

describe("tables of registered schemas", () => {
  test("have to be registered at the target, too", async () => {
    const [source, target] = [
      await openEndpoint(site, "shared", randomUUID()),
      await openEndpoint(site, "big1", randomUUID()),
    ];
    const tables = await readTenantTables(source.owner);
    const findings = await preflight({ source, target, tables, tenantId: (await db.tenant("acme")).id, slug: "acme" });
    await Promise.all([closeEndpoint(source), closeEndpoint(target)]);
    const missing = findings.filter(({ code }) => code === "table_missing").map(({ object }) => object);
    expect(missing.toSorted()).toEqual(OTHER_TABLES.toSorted());
  });

  test("move with their tenant, hidden keys and sequences with them", async () => {
    await addSchemas(big.admin);
    const before = await readContent(db.database, await db.tenant("acme"));
    const move = await startMove(site, { slug: "acme", to: "big1" });
    const done = await runMove(site, move!, { finish: true });
    expect(done.state).toBe("done");
    expect(await readContent(big.database, await db.tenant("acme"))).toEqual(before);
    const { id } = await db.tenant("acme");
    for (const table of OTHER_TABLES) {
      expect((await db.admin.query(`select from ${table} where tenant_id = $1`, [id])).rowCount).toBe(0);
      expect((await db.admin.query(`select from ${table}`)).rowCount).toBeGreaterThan(0);
    }
    const { rows } = await big.admin.query(
      "select nextval('public.orders_id_seq') > (select max(id) from public.orders) as beyond",
    );
    expect(rows).toEqual([{ beyond: true }]);
    expect(await leftovers([db, big])).toEqual([]);
  });
});
