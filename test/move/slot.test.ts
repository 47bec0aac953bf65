import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { rollbackMove } from "../../src/move/back.ts";
import type { MoveEvent } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort } from "../../src/move/operation.ts";
import { findMove } from "../../src/move/store.ts";
import type { TestDatabase } from "../harness.ts";
import { TEST_MS } from "./patience.ts";
import { openStage, type Stage } from "./stage.ts";

/** Slots and subscriptions that are lost in the middle of a move, as by a failover or by hand. */
let stage: Stage;
beforeAll(async () => void (stage = await openStage()));
afterEach(() => stage.tidy());
afterAll(() => stage[Symbol.asyncDispose]());

/** As a failover or a hand does: whoever reads from it is ended. */
async function loseSlot({ admin }: Pick<TestDatabase, "admin">, name: string): Promise<void> {
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

describe("a slot that is lost", { timeout: TEST_MS }, () => {
  test.each(["copied", "begin_subscribed", "begin_caught_up", "begin_fencing"])(
    "at %s: the copy begins anew, and nothing is missing",
    async (at) => {
      const move = await stage.begin("globex");
      const content = await readContent(stage.side(move.from).database, await stage.db.tenant("globex"));
      await stage.runTo(move, at);
      await loseSlot(stage.side(move.from), move.forwardName);
      const events: MoveEvent[] = [];
      const observing = await runMove(stage.site, move, { onEvent: (event) => void events.push(event) });
      expect(observing.state).toBe("observing");
      expect(events.map(({ event }) => event)).toContain("copy");
      const there = stage.side(move.to).database;
      expect(await readContent(there, await stage.db.tenant("globex"))).toEqual(content);
      await stage.finish("globex");
    },
  );

  test("of the way back, before the cutover: it is made anew", async () => {
    const move = await stage.begin("globex");
    await stage.runTo(move, "begin_fencing");
    await loseSlot(stage.side(move.to), move.reverseName);
    expect((await runMove(stage.site, move)).state).toBe("observing");
    await stage.finish("globex");
  });

  test("of the way back, after the cutover: the move ends without it, when somebody says so", async () => {
    const move = await stage.begin("globex");
    await stage.runTo(move, "begin_committed");
    await loseSlot(stage.side(move.to), move.reverseName);
    await expect(runMove(stage.site, move)).rejects.toMatchObject({
      kind: "moveBroken",
      message: expect.stringContaining(`The way back of globex to ${move.from} is lost`) as string,
      hint: expect.stringContaining("resume globex --finish") as string,
    });
    expect(await stage.placement("globex")).toBe(move.to);
    await stage.finish("globex");
  });

  test("while observing: a rollback is refused by name, and a move brings it back", async () => {
    const move = await stage.begin("globex");
    await runMove(stage.site, move);
    await loseSlot(stage.side(move.to), move.reverseName);
    await expect(rollbackMove(stage.site, await findMove(stage.db.platform, move.id))).rejects.toMatchObject({
      kind: "moveBroken",
      message: expect.stringContaining("the replication slot is gone") as string,
      hint: expect.stringContaining(`rowhouse move globex --to ${move.from}`) as string,
    });
    expect(await findMove(stage.db.platform, move.id)).toMatchObject({ state: "observing", isRollback: false });
    await stage.finish("globex");
    expect((await runMove(stage.site, await stage.begin("globex"))).to).toBe(move.from);
    await stage.finish("globex");
  });

  test("during a rollback: it is refused, given up, and the move ends where it was", async () => {
    const move = await stage.begin("globex");
    const observing = await runMove(stage.site, move);
    const stop = { atPoint: (name: string) => void (name === "arrival_checked" && stopHere()) };
    const stopHere = () => {
      throw new Error("stopped by the test");
    };
    await expect(rollbackMove(stage.site, observing, stop)).rejects.toThrow("stopped by the test");
    await loseSlot(stage.side(move.to), move.reverseName);
    const turned = await findMove(stage.db.platform, move.id);
    await expect(runMove(stage.site, turned)).rejects.toMatchObject({
      kind: "moveBroken",
      hint: expect.stringContaining("moves abort globex") as string,
    });
    expect(await abort(stage.site, "globex")).toMatchObject({ state: "observing", isRollback: false });
    expect(await stage.placement("globex")).toBe(move.to);
    await stage.finish("globex");
    expect(await stage.placement("globex")).toBe(move.to);
  });
});

describe("a subscription", { timeout: TEST_MS }, () => {
  test("that is disabled by hand holds the gate, is told of with what to do, and the move goes on", async () => {
    const move = await stage.begin("globex");
    await stage.runTo(move, "begin_fencing");
    const alter = (what: string) => stage.side(move.to).admin.query(`alter subscription ${move.forwardName} ${what}`);
    await alter("disable");
    await expect(runMove(stage.site, move)).rejects.toMatchObject({
      kind: "moveBroken",
      message: expect.stringContaining("the subscription is disabled") as string,
      hint: expect.stringContaining(`alter subscription ${move.forwardName} enable`) as string,
    });
    expect(await stage.placement("globex")).toBe(move.from);
    await alter("enable");
    await stage.finish("globex");
  });

  test("that is dropped by hand: the copy begins anew", async () => {
    const move = await stage.begin("globex");
    await stage.runTo(move, "begin_caught_up");
    const { admin } = stage.side(move.to);
    for (const what of ["disable", "set (slot_name = none)"])
      await admin.query(`alter subscription ${move.forwardName} ${what}`);
    await admin.query(`drop subscription ${move.forwardName}`);
    expect((await runMove(stage.site, move)).state).toBe("observing");
    await stage.finish("globex");
  });
});
