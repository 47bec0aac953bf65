import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { makeScope } from "../../src/db/scope.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { rollbackMove } from "../../src/move/back.ts";
import { isCommitted, type Move, type MoveEvent } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort, resume } from "../../src/move/operation.ts";
import type { MoveSite, RunOptions } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { findMove, listMoves } from "../../src/move/store.ts";
import { deleteTenant } from "../../src/tenant/delete.ts";
import { spreadStatus } from "../../src/tenant/spread.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { leftovers } from "./leftovers.ts";

/** What people and servers do to a move that is under way. */
let db: TestDatabase;
let big: DedicatedDatabase;
let site: MoveSite;

beforeAll(async () => {
  db = await testDatabase();
  big = await db.dedicated("big1", "shared");
  site = { home: db.database, platform: db.platform, actor: "operator:test" };
});
afterAll(() => db.close());
/** What a test that failed has left would fail the next. */
afterEach(async () => {
  for (const { slug, finishedAt } of await listMoves(db.platform))
    if (finishedAt === null) await resume(site, slug, { finish: true }).catch(() => abort(site, slug));
});

type Side = Pick<TestDatabase, "admin">;
const sideOf = (name: string): Side => (name === "shared" ? db : big);
const placement = async (slug: string) => (await db.tenant(slug)).movedTo ?? "shared";

async function begin(slug: string): Promise<Move> {
  const to = (await placement(slug)) === "shared" ? "big1" : "shared";
  const move = await startMove(site, { slug, to, settings: { patienceSeconds: 8 } });
  return move!;
}

/** Runs the move up to a point, and stops there. */
async function runTo(move: Move, name: string, options: RunOptions = {}): Promise<Move> {
  const atPoint = (reached: string) => {
    if (reached === name) throw new Error("stopped by the test");
  };
  await expect(runMove(site, move, { ...options, atPoint })).rejects.toThrow("stopped by the test");
  return findMove(db.platform, move.id);
}

async function finish(slug: string): Promise<Move> {
  const done = await resume(site, slug, { finish: true });
  expect(done.state).toBe("done");
  expect(await leftovers([db, big])).toEqual([]);
  return done;
}

/** As a failover or a hand does: whoever reads from it is ended. */
async function loseSlot({ admin }: Side, name: string): Promise<void> {
  await expect
    .poll(async () => {
      await admin.query("select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1", [
        name,
      ]);
      const dropped = await admin
        .query("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1", [name])
        .catch(() => ({ rowCount: 0 }));
      return dropped.rowCount;
    })
    .toBe(1);
}

const count = async ({ admin }: Side, tenantId: string) => {
  const { rows } = await admin.query<{ count: number }>(
    "select count(*)::int as count from app.customers where tenant_id = $1",
    [tenantId],
  );
  return rows[0]!.count;
};

/** As somebody who gets round everything that could notice. */
async function tamper({ admin }: Side, text: string, values: unknown[]): Promise<void> {
  await admin.query("begin; set local session_replication_role = replica");
  await admin.query(text, values);
  await admin.query("commit");
}

describe("a slot that is lost", { timeout: 60_000 }, () => {
  test.each(["copied", "begin_subscribed", "begin_caught_up", "begin_fencing"])(
    "at %s: the copy begins anew, and nothing is missing",
    async (at) => {
      const move = await begin("globex");
      const content = await readContent(
        sideOf(move.from) === db ? db.database : big.database,
        await db.tenant("globex"),
      );
      await runTo(move, at);
      await loseSlot(sideOf(move.from), move.forwardName);
      const events: MoveEvent[] = [];
      const observing = await runMove(site, move, { onEvent: (event) => void events.push(event) });
      expect(observing.state).toBe("observing");
      expect(events.map(({ event }) => event)).toContain("copy");
      const there = move.to === "shared" ? db.database : big.database;
      expect(await readContent(there, await db.tenant("globex"))).toEqual(content);
      await finish("globex");
    },
  );

  test("of the way back, before the cutover: it is made anew", async () => {
    const move = await begin("globex");
    await runTo(move, "begin_fencing");
    await loseSlot(sideOf(move.to), move.reverseName);
    expect((await runMove(site, move)).state).toBe("observing");
    await finish("globex");
  });

  test("of the way back, after the cutover: the move ends without it, when somebody says so", async () => {
    const move = await begin("globex");
    await runTo(move, "begin_committed");
    await loseSlot(sideOf(move.to), move.reverseName);
    await expect(runMove(site, move)).rejects.toMatchObject({
      kind: "moveBroken",
      message: expect.stringContaining(`The way back of globex to ${move.from} is lost`) as string,
      hint: expect.stringContaining("resume globex --finish") as string,
    });
    expect(await placement("globex")).toBe(move.to);
    await finish("globex");
  });

  test("while observing: a rollback is refused by name, and a move brings it back", async () => {
    const move = await begin("globex");
    await runMove(site, move);
    await loseSlot(sideOf(move.to), move.reverseName);
    await expect(rollbackMove(site, await findMove(db.platform, move.id))).rejects.toMatchObject({
      kind: "moveBroken",
      message: expect.stringContaining("the replication slot is gone") as string,
      hint: expect.stringContaining(`rowhouse move globex --to ${move.from}`) as string,
    });
    expect(await findMove(db.platform, move.id)).toMatchObject({ state: "observing", isRollback: false });
    await finish("globex");
    expect((await runMove(site, await begin("globex"))).to).toBe(move.from);
    await finish("globex");
  });

  test("during a rollback: it is refused, given up, and the move ends where it was", async () => {
    const move = await begin("globex");
    const observing = await runMove(site, move);
    const stop = { atPoint: (name: string) => void (name === "arrival_checked" && stopHere()) };
    const stopHere = () => {
      throw new Error("stopped by the test");
    };
    await expect(rollbackMove(site, observing, stop)).rejects.toThrow("stopped by the test");
    await loseSlot(sideOf(move.to), move.reverseName);
    const turned = await findMove(db.platform, move.id);
    await expect(runMove(site, turned)).rejects.toMatchObject({
      kind: "moveBroken",
      hint: expect.stringContaining("moves abort globex") as string,
    });
    expect(await abort(site, "globex")).toMatchObject({ state: "observing", isRollback: false });
    expect(await placement("globex")).toBe(move.to);
    await finish("globex");
    expect(await placement("globex")).toBe(move.to);
  });
});

describe("a subscription", { timeout: 60_000 }, () => {
  test("that is disabled by hand holds the gate, is told of with what to do, and the move goes on", async () => {
    const move = await begin("globex");
    await runTo(move, "begin_fencing");
    const alter = (what: string) => sideOf(move.to).admin.query(`alter subscription ${move.forwardName} ${what}`);
    await alter("disable");
    await expect(runMove(site, move)).rejects.toMatchObject({
      kind: "moveBroken",
      message: expect.stringContaining("the subscription is disabled") as string,
      hint: expect.stringContaining(`alter subscription ${move.forwardName} enable`) as string,
    });
    expect(await placement("globex")).toBe(move.from);
    await alter("enable");
    await finish("globex");
  });

  test("that is dropped by hand: the copy begins anew", async () => {
    const move = await begin("globex");
    await runTo(move, "begin_caught_up");
    const { admin } = sideOf(move.to);
    for (const what of ["disable", "set (slot_name = none)"])
      await admin.query(`alter subscription ${move.forwardName} ${what}`);
    await admin.query(`drop subscription ${move.forwardName}`);
    expect((await runMove(site, move)).state).toBe("observing");
    await finish("globex");
  });
});

describe("somebody who writes where he should not", { timeout: 60_000 }, () => {
  test("is refused at the target by the door that every request takes", async () => {
    const move = await begin("globex");
    await runTo(move, "begin_fencing");
    const { database } = move.to === "shared" ? db : big;
    const pool = database.openPool("rowhouse_api", { max: 1 });
    for (const epoch of [move.epoch, String(BigInt(move.epoch) + 1n)]) {
      const facts = { tenantId: move.tenantId, epoch, principal: "test", role: "admin" };
      const written = runScoped(pool, makeScope(facts, database.keyring), "write", [
        { text: "insert into app.customers (number, name) values ('rogue', 'rogue')", values: [] },
      ]);
      await expect(written).rejects.toMatchObject({ kind: "tenantArriving" });
    }
    await pool.end();
    await finish("globex");
  });

  test("past that door is found before the cutover, and the move does not go on", async () => {
    const move = await begin("globex");
    await runTo(move, "begin_subscribed");
    await tamper(sideOf(move.to), "insert into app.customers (tenant_id, number, name) values ($1, 'rogue', 'rogue')", [
      move.tenantId,
    ]);
    await expect(runMove(site, move)).rejects.toMatchObject({ kind: "moveDiffers" });
    expect(await placement("globex")).toBe(move.from);
    expect((await abort(site, "globex")).state).toBe("aborted");
    expect(await count(sideOf(move.to), move.tenantId)).toBe(0);
    expect(await leftovers([db, big])).toEqual([]);
  });

  test("with TRUNCATE, which row filters know nothing of: no table is emptied at the target, and the verification tells", async () => {
    await runMove(site, await begin("globex"));
    await finish("globex");
    const move = await begin("globex");
    await runTo(move, "begin_subscribed");
    const source = sideOf(move.from);
    const before = await count(sideOf(move.to), move.tenantId);
    await source.admin.query("create table public.kept as table app.expenses");
    await source.admin.query("truncate app.expenses");
    await expect(runMove(site, move)).rejects.toMatchObject({
      kind: "moveDiffers",
      message: expect.stringContaining("app.expenses") as string,
    });
    expect(await count(sideOf(move.to), move.tenantId)).toBe(before);
    expect((await abort(site, "globex")).state).toBe("aborted");
    await tamper(source, "insert into app.expenses select * from public.kept", []);
    await source.admin.query("drop table public.kept");
    expect(await leftovers([db, big])).toEqual([]);
  });

  test("as another tenant: none of its rows arrives", async () => {
    const move = await begin("globex");
    const other = await db.tenant("acme");
    await runTo(move, "begin_subscribed");
    await db.admin.query("insert into app.customers (tenant_id, number, name) values ($1, 'meanwhile', 'x')", [
      other.id,
    ]);
    await db.admin.query("update app.customers set notes = 'changed' where tenant_id = $1", [other.id]);
    await runMove(site, move);
    const { rows } = await big.admin.query("select from app.customers where tenant_id = $1", [other.id]);
    expect(rows).toEqual([]);
    await finish("globex");
  });
});

describe("rows", { timeout: 60_000 }, () => {
  test("that change their tenant come and go with it", async () => {
    const move = await begin("globex");
    const other = await db.tenant("acme");
    const { admin } = sideOf(move.from);
    const insert = "insert into app.customers (tenant_id, number, name) values ($1, $2, 'x')";
    await admin.query(insert, [move.tenantId, "leaves"]);
    await admin.query(insert, [other.id, "comes"]);
    await runTo(move, "begin_subscribed");
    await tamper(sideOf(move.from), "update app.customers set tenant_id = $1 where number = 'leaves'", [other.id]);
    await tamper(sideOf(move.from), "update app.customers set tenant_id = $1 where number = 'comes'", [move.tenantId]);
    expect((await runMove(site, move)).facts.verified).toHaveProperty("before");
    const { rows } = await sideOf(move.to).admin.query<{ number: string; tenant: string }>(
      "select number, tenant_id as tenant from app.customers where number in ('leaves', 'comes') order by number",
    );
    expect(rows).toContainEqual({ number: "comes", tenant: move.tenantId });
    expect(rows.filter(({ number, tenant }) => number === "leaves" && tenant === move.tenantId)).toEqual([]);
    await finish("globex");
  });

  test("that came are not sent back, and what is written at the new place goes back once", async () => {
    const move = await begin("globex");
    await runMove(site, move);
    const target = sideOf(move.to);
    await target.admin.query("insert into app.customers (tenant_id, number, name) values ($1, 'new', 'x')", [
      move.tenantId,
    ]);
    await expect.poll(() => count(sideOf(move.from), move.tenantId)).toBe(await count(target, move.tenantId));
    const { rows } = await sideOf(move.from).admin.query<{ errors: number }>(
      "select apply_error_count::int as errors from pg_stat_subscription_stats where subname = $1",
      [move.reverseName],
    );
    expect(rows).toEqual([{ errors: 0 }]);
    await finish("globex");
  });
});

describe("a second one", { timeout: 60_000 }, () => {
  test("mover is refused while the first works, and the first is not disturbed", async () => {
    const move = await begin("globex");
    const refusals: unknown[] = [];
    const atPoint = async (name: string) => {
      if (name !== "copied" && name !== "drained") return;
      await runMove(site, move).catch((error: unknown) => refusals.push(error));
    };
    expect((await runMove(site, move, { atPoint })).state).toBe("observing");
    expect(refusals).toMatchObject([{ kind: "moveRunning" }, { kind: "moveRunning" }]);
    await finish("globex");
  });

  test("run of a finished move changes nothing", async () => {
    const tenant = await db.tenant("globex");
    const place = await placement("globex");
    const there = place === "shared" ? db.database : big.database;
    const content = await readContent(there, tenant);
    const move = await findMove(db.platform, "globex");
    expect(await startMove(site, { slug: "globex", to: place })).toBeUndefined();
    expect(await resume(site, "globex")).toMatchObject({ state: "done" });
    await expect(runMove(site, move)).rejects.toMatchObject({ kind: "moveState" });
    expect(await readContent(there, tenant)).toEqual(content);
    expect(await db.tenant("globex")).toEqual(tenant);
  });
});

describe("the tenant itself, in the middle of a move", { timeout: 60_000 }, () => {
  test.each(["begin_subscribed", "begin_observing"])("is not deleted at %s", async (at) => {
    const move = await begin("initech");
    const stopped = await runTo(move, at);
    await expect(deleteTenant(db.platform, db.database.keyring, "initech", "test")).rejects.toMatchObject({
      kind: "moveRunning",
    });
    await (isCommitted(stopped.state) ? finish("initech") : abort(site, "initech"));
    expect((await findMove(db.platform, move.id)).finishedAt).not.toBeNull();
  });

  test("is suspended: the move goes on, and it is suspended where it arrives", async () => {
    const move = await begin("initech");
    await runTo(move, "begin_fencing");
    await spreadStatus({ database: db.database, platform: db.platform }, "initech", "suspended", "test");
    await runMove(site, move);
    const { rows } = await sideOf(move.to).admin.query<{ status: string }>(
      "select status from platform.tenants where id = $1",
      [move.tenantId],
    );
    expect(rows).toEqual([{ status: "suspended" }]);
    await finish("initech");
  });
});
