import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { makeScope } from "../../src/db/scope.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { isCommitted } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort, resume } from "../../src/move/operation.ts";
import { startMove } from "../../src/move/start.ts";
import { findMove } from "../../src/move/store.ts";
import { deleteTenant } from "../../src/tenant/delete.ts";
import { spreadStatus } from "../../src/tenant/spread.ts";
import type { TestDatabase } from "../harness.ts";
import { leftovers } from "./leftovers.ts";
import { TEST_MS } from "./patience.ts";
import { openStage, type Stage } from "./stage.ts";

/** What people do to a move that is under way, and to its tenant. */
let stage: Stage;
beforeAll(async () => void (stage = await openStage()));
afterEach(() => stage.tidy());
afterAll(() => stage[Symbol.asyncDispose]());

/** As somebody who gets round everything that could notice. */
async function tamper({ admin }: Pick<TestDatabase, "admin">, text: string, values: unknown[]): Promise<void> {
  await admin.query("begin; set local session_replication_role = replica");
  await admin.query(text, values);
  await admin.query("commit");
}

describe("somebody who writes where he should not", { timeout: TEST_MS }, () => {
  test("is refused at the target by the door that every request takes", async () => {
    const move = await stage.begin("globex");
    await stage.runTo(move, "begin_fencing");
    const { database } = stage.side(move.to);
    const pool = database.openPool("rowhouse_api", { max: 1 });
    for (const epoch of [move.epoch, String(BigInt(move.epoch) + 1n)]) {
      const facts = { tenantId: move.tenantId, epoch, principal: "test", role: "admin" };
      const written = runScoped(pool, makeScope(facts, database.keyring), "write", [
        { text: "insert into app.customers (number, name) values ('rogue', 'rogue')", values: [] },
      ]);
      await expect(written).rejects.toMatchObject({ kind: "tenantArriving" });
    }
    await pool.end();
    await stage.finish("globex");
  });

  test("is told to try again where the fence is lifted between two looks of that door", async () => {
    const { id, epoch } = await stage.db.tenant("acme");
    const secret = stage.db.database.keyring.tenantSecret(id);
    const refused = stage.db.admin.query("select platform.refuse_context($1, $2, $3)", [id, epoch, secret]);
    await expect(refused).rejects.toMatchObject({ code: "RH700" });
  });

  test("past that door is found before the cutover, and the move does not go on", async () => {
    const move = await stage.begin("globex");
    await stage.runTo(move, "begin_subscribed");
    await tamper(
      stage.side(move.to),
      "insert into app.customers (tenant_id, number, name) values ($1, 'rogue', 'rogue')",
      [move.tenantId],
    );
    await expect(runMove(stage.site, move)).rejects.toMatchObject({ kind: "moveDiffers" });
    expect(await stage.placement("globex")).toBe(move.from);
    expect((await abort(stage.site, "globex")).state).toBe("aborted");
    expect(await stage.count(stage.side(move.to), move.tenantId)).toBe(0);
    expect(await leftovers([stage.db, stage.big])).toEqual([]);
  });

  test("with TRUNCATE, which row filters know nothing of: no table is emptied at the target, and the verification tells", async () => {
    await runMove(stage.site, await stage.begin("globex"));
    await stage.finish("globex");
    const move = await stage.begin("globex");
    await stage.runTo(move, "begin_subscribed");
    const source = stage.side(move.from);
    const before = await stage.count(stage.side(move.to), move.tenantId);
    await source.admin.query("create table public.kept as table app.expenses");
    await source.admin.query("truncate app.expenses");
    await expect(runMove(stage.site, move)).rejects.toMatchObject({
      kind: "moveDiffers",
      message: expect.stringContaining("app.expenses") as string,
    });
    expect(await stage.count(stage.side(move.to), move.tenantId)).toBe(before);
    expect((await abort(stage.site, "globex")).state).toBe("aborted");
    await tamper(source, "insert into app.expenses select * from public.kept", []);
    await source.admin.query("drop table public.kept");
    expect(await leftovers([stage.db, stage.big])).toEqual([]);
  });

  test("as another tenant: none of its rows arrives", async () => {
    const move = await stage.begin("globex");
    const other = await stage.db.tenant("acme");
    await stage.runTo(move, "begin_subscribed");
    await stage.db.admin.query("insert into app.customers (tenant_id, number, name) values ($1, 'meanwhile', 'x')", [
      other.id,
    ]);
    await stage.db.admin.query("update app.customers set notes = 'changed' where tenant_id = $1", [other.id]);
    await runMove(stage.site, move);
    const { rows } = await stage.big.admin.query("select from app.customers where tenant_id = $1", [other.id]);
    expect(rows).toEqual([]);
    await stage.finish("globex");
  });
});

describe("rows", { timeout: TEST_MS }, () => {
  test("that change their tenant come and go with it", async () => {
    const move = await stage.begin("globex");
    const other = await stage.db.tenant("acme");
    const { admin } = stage.side(move.from);
    const insert = "insert into app.customers (tenant_id, number, name) values ($1, $2, 'x')";
    await admin.query(insert, [move.tenantId, "leaves"]);
    await admin.query(insert, [other.id, "comes"]);
    await stage.runTo(move, "begin_subscribed");
    await tamper(stage.side(move.from), "update app.customers set tenant_id = $1 where number = 'leaves'", [other.id]);
    await tamper(stage.side(move.from), "update app.customers set tenant_id = $1 where number = 'comes'", [
      move.tenantId,
    ]);
    expect((await runMove(stage.site, move)).facts.verified).toHaveProperty("before");
    const { rows } = await stage
      .side(move.to)
      .admin.query<{ number: string; tenant: string }>(
        "select number, tenant_id as tenant from app.customers where number in ('leaves', 'comes') order by number",
      );
    expect(rows).toContainEqual({ number: "comes", tenant: move.tenantId });
    expect(rows.filter(({ number, tenant }) => number === "leaves" && tenant === move.tenantId)).toEqual([]);
    await stage.finish("globex");
  });

  test("that came are not sent back, and what is written at the new place goes back once", async () => {
    const move = await stage.begin("globex");
    await runMove(stage.site, move);
    const target = stage.side(move.to);
    await target.admin.query("insert into app.customers (tenant_id, number, name) values ($1, 'new', 'x')", [
      move.tenantId,
    ]);
    await expect
      .poll(() => stage.count(stage.side(move.from), move.tenantId))
      .toBe(await stage.count(target, move.tenantId));
    const { rows } = await stage
      .side(move.from)
      .admin.query<{ errors: number }>(
        "select apply_error_count::int as errors from pg_stat_subscription_stats where subname = $1",
        [move.reverseName],
      );
    expect(rows).toEqual([{ errors: 0 }]);
    await stage.finish("globex");
  });
});

describe("a second one", { timeout: TEST_MS }, () => {
  test("mover is refused while the first works, and the first is not disturbed", async () => {
    const move = await stage.begin("globex");
    const refusals: unknown[] = [];
    const atPoint = async (name: string) => {
      if (name !== "copied" && name !== "drained") return;
      await runMove(stage.site, move).catch((error: unknown) => refusals.push(error));
    };
    expect((await runMove(stage.site, move, { atPoint })).state).toBe("observing");
    expect(refusals).toMatchObject([{ kind: "moveRunning" }, { kind: "moveRunning" }]);
    await stage.finish("globex");
  });

  test("run of a finished move changes nothing", async () => {
    const tenant = await stage.db.tenant("globex");
    const place = await stage.placement("globex");
    const there = place === "shared" ? stage.db.database : stage.big.database;
    const content = await readContent(there, tenant);
    const move = await findMove(stage.db.platform, "globex");
    expect(await startMove(stage.site, { slug: "globex", to: place })).toBeUndefined();
    expect(await resume(stage.site, "globex")).toMatchObject({ state: "done" });
    await expect(runMove(stage.site, move)).rejects.toMatchObject({ kind: "moveState" });
    expect(await readContent(there, tenant)).toEqual(content);
    expect(await stage.db.tenant("globex")).toEqual(tenant);
  });
});

describe("the tenant itself, in the middle of a move", { timeout: TEST_MS }, () => {
  test.each(["begin_subscribed", "begin_observing"])("is not deleted at %s", async (at) => {
    const move = await stage.begin("initech");
    const stopped = await stage.runTo(move, at);
    await expect(deleteTenant(stage.db.platform, stage.db.database.keyring, "initech", "test")).rejects.toMatchObject({
      kind: "moveRunning",
    });
    await (isCommitted(stopped.state) ? stage.finish("initech") : abort(stage.site, "initech"));
    expect((await findMove(stage.db.platform, move.id)).finishedAt).not.toBeNull();
  });

  test("is suspended: the move goes on, and it is suspended where it arrives", async () => {
    const move = await stage.begin("initech");
    await stage.runTo(move, "begin_fencing");
    await spreadStatus({ database: stage.db.database, platform: stage.db.platform }, "initech", "suspended", "test");
    await runMove(stage.site, move);
    const { rows } = await stage
      .side(move.to)
      .admin.query<{ status: string }>("select status from platform.tenants where id = $1", [move.tenantId]);
    expect(rows).toEqual([{ status: "suspended" }]);
    await stage.finish("initech");
  });
});
