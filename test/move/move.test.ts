import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { makeScope } from "../../src/db/scope.ts";
import { abortMove, rollbackMove } from "../../src/move/back.ts";
import { runMove } from "../../src/move/mover.ts";
import type { MoveSite } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { findMove } from "../../src/move/store.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { leftovers } from "./leftovers.ts";

let db: TestDatabase;
let big: DedicatedDatabase;
let site: MoveSite;

beforeAll(async () => {
  db = await testDatabase();
  big = await db.dedicated("big1");
  site = { home: db.database, platform: db.platform, actor: "operator:test" };
});
afterAll(() => db.close());

const presence = async (database: Pick<TestDatabase, "admin">, id: string) => {
  const { rows } = await database.admin.query(
    "select moved_to, arriving, fence, epoch::text as epoch from platform.tenants where id = $1",
    [id],
  );
  return rows[0] as unknown;
};

async function insertCustomer(
  database: TestDatabase["database"],
  pool: TestDatabase["api"],
  slug: string,
  name: string,
) {
  const tenant = await db.tenant(slug);
  const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "test", role: "admin" };
  await runScoped(pool, makeScope(facts, database.keyring), "write", [
    { text: "insert into app.customers (number, name) values ($1, $1)", values: [name] },
  ]);
}

describe("there and back", () => {
  test("promotes, keeps the way back open, rolls back with what was written meanwhile, and finishes", async () => {
    const before = await db.tenant("acme");
    const content = await readContent(db.database, before);
    const move = await startMove(site, { slug: "acme", to: "big1" });
    const observing = await runMove(site, move!);
    expect(observing.state).toBe("observing");
    const promoted = await db.tenant("acme");
    expect(promoted).toMatchObject({ movedTo: "big1", epoch: String(BigInt(before.epoch) + 1n) });
    expect(await presence(big, before.id)).toEqual({
      moved_to: null,
      arriving: null,
      fence: null,
      epoch: promoted.epoch,
    });
    expect(await readContent(big.database, promoted)).toEqual(content);
    expect(await startMove(site, { slug: "acme", to: "big1" })).toMatchObject({ id: move!.id, state: "observing" });

    const pool = big.database.openPool("rowhouse_api", { max: 1 });
    await insertCustomer(big.database, pool, "acme", "Written in big1");
    await pool.end();
    const written = await readContent(big.database, promoted);
    expect(written).not.toEqual(content);
    const back = await rollbackMove(site, observing);
    expect(back).toMatchObject({ state: "observing", isRollback: true, from: "big1", to: "shared" });
    const returned = await db.tenant("acme");
    expect(returned).toMatchObject({ movedTo: null, epoch: String(BigInt(before.epoch) + 2n) });
    expect(await readContent(db.database, returned)).toEqual(written);

    const done = await runMove(site, back, { finish: true });
    expect(done.state).toBe("done");
    expect(await leftovers([db, big])).toEqual([]);
    const { rows } = await big.admin.query("select count(*)::int as count from app.customers");
    expect(rows).toEqual([{ count: 0 }]);
    expect(await startMove(site, { slug: "acme", to: "shared" })).toBeUndefined();
  });

  test("an aborted move leaves the tenant and nothing else", async () => {
    const before = await db.tenant("globex");
    const content = await readContent(db.database, before);
    const move = await startMove(site, { slug: "globex", to: "big1" });
    const stop = new AbortController();
    const stopped = runMove(site, move!, {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.event === "state" && event.state === "ready") stop.abort(new Error("enough"));
      },
    });
    await expect(stopped).rejects.toThrow("enough");
    const aborted = await abortMove(site, await findMove(db.platform, "globex"));
    expect(aborted.state).toBe("aborted");
    expect(await leftovers([db, big])).toEqual([]);
    expect(await db.tenant("globex")).toEqual(before);
    expect(await readContent(db.database, before)).toEqual(content);
    expect(await presence(big, before.id)).toBeUndefined();
  });
});
