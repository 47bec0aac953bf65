import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { describeEnd } from "../../src/commands/move/run.ts";
import type { Move, MoveEvent } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort } from "../../src/move/operation.ts";
import { findMove, listDue } from "../../src/move/store.ts";
import { leftovers } from "./leftovers.ts";
import { clock, type Load } from "./load.ts";
import { openPair, SLUG, type Pair } from "./pair.ts";
import { beginMove, completeMove, conclude, forwardLink, longestStall, placementIn } from "./trial.ts";

/**
 * Moves between two servers whose network is cut, slow or silent, while clients write: a move completes or ends with a clear error, and
 * nobody waits for longer than a fence lasts.
 */
let pair: Pair;
let load: Load;

beforeAll(async () => {
  pair = await openPair();
  load = await pair.write(40);
}, 120_000);
afterAll(() => pair[Symbol.asyncDispose]());
afterEach(() => {
  for (const link of Object.values(pair.links)) {
    link.setDelay(0);
    link.setRate(null);
    link.mend();
  }
});

interface Trial {
  readonly move: Move;
  readonly events: readonly MoveEvent[];
}

/** Runs a move there, doing something once it has come to a point, and says how it went. */
async function moveWith(at: string, harm: (move: Move) => void | Promise<void>): Promise<Trial> {
  const move = await beginMove(pair);
  const events: MoveEvent[] = [];
  const start = clock();
  let isDone = false;
  const reach = async (name: string) => {
    if (name !== at || isDone) return;
    isDone = true;
    await harm(move);
  };
  const onEvent = (event: MoveEvent) => {
    events.push(event);
    void reach(`event_${event.event}`);
  };
  const observing = await runMove(pair.site, move, { atPoint: reach, onEvent });
  const { fence } = observing.facts;
  console.log(
    `${at}: ${Math.round(clock() - start)} ms, fence ${fence!.activatedMs} ms at attempt ${fence!.attempts}, longest stall ${longestStall(load, start)} ms`,
  );
  expect(isDone).toBe(true);
  expect(observing.state).toBe("observing");
  await completeMove(pair);
  return { move: observing, events };
}

/** Cuts the link that the move follows by, for a while. */
const cutFor = (ms: number) => (move: Move) => {
  const link = forwardLink(pair, move);
  link.cut();
  setTimeout(() => link.mend(), ms);
};

describe("the link between the servers", { timeout: 120_000 }, () => {
  test("is cut while the tenant is copied", async () => {
    const { events } = await moveWith("copied", cutFor(800));
    expect(events).toContainEqual(expect.objectContaining({ event: "retry" }));
  });

  test("is cut while the target catches up", async () => {
    const { events } = await moveWith("begin_subscribed", cutFor(1500));
    expect(events).not.toContainEqual(expect.objectContaining({ event: "fence_missed" }));
  });

  test("is cut in the fence: it is lifted, and the next one completes", async () => {
    // The gate's last word, after which writes are fenced at once: at the point `fenced` the watermark may have arrived already.
    const { move, events } = await moveWith("event_lag", cutFor(1500));
    expect(move.facts.fence!.attempts).toBeGreaterThan(1);
    expect(events).toContainEqual(expect.objectContaining({ event: "fence_missed" }));
  });

  test("takes 20 ms each way", async () => {
    const { move } = await moveWith("begin_planned", () => {
      for (const link of Object.values(pair.links)) link.setDelay(20);
    });
    expect(move.facts.fence!.appliedMs).toBeGreaterThan(20);
  });

  test("carries 256 kB a second, and the tenant changes more than that: the gate waits, and the fence is short", async () => {
    const { events } = await moveWith("begin_ready", async (move) => {
      const link = forwardLink(pair, move);
      link.setRate(256 * 1024);
      const source = move.from === "shared" ? pair.db : pair.big;
      await source.admin.query(
        `update app.customers set notes = (select string_agg(md5(n::text || number), '') from generate_series(1, 400) n)
         where tenant_id = $1 and ctid in (select ctid from app.customers where tenant_id = $1 limit 30)`,
        [move.tenantId],
      );
    });
    const slow = events.filter(({ event }) => event === "lag");
    expect(slow.length).toBeGreaterThan(1);
    expect(events).not.toContainEqual(expect.objectContaining({ event: "fence_missed" }));
  });

  test("is silent for good: the gate holds the fence, and the move says so and can be resumed", async () => {
    const from = await placementIn(pair);
    const move = await beginMove(pair, { patienceSeconds: 3 });
    const start = clock();
    const atPoint = (name: string) => {
      if (name === "begin_fencing") forwardLink(pair, move).blackhole();
    };
    await expect(runMove(pair.site, move, { atPoint })).rejects.toMatchObject({ kind: "moveLagging" });
    console.log(`blackhole: longest stall ${longestStall(load, start)} ms`);
    expect(await placementIn(pair)).toBe(from);
    expect(await findMove(pair.db.platform, SLUG)).toMatchObject({ state: "fencing", error: { code: "RH713" } });
    forwardLink(pair, move).mend();
    await completeMove(pair);
  });

  test("is silent when a move is given up: nothing asks the other end", async () => {
    const move = await beginMove(pair);
    const atPoint = (name: string) => {
      if (name === "end_caught_up") throw new Error("stopped by the test");
    };
    await expect(runMove(pair.site, move, { atPoint })).rejects.toThrow("stopped");
    forwardLink(pair, move).blackhole();
    expect((await abort(pair.site, SLUG)).state).toBe("aborted");
    expect(await leftovers([pair.db, pair.big])).toEqual([]);
  });
});

describe("a target that is gone", { timeout: 120_000 }, () => {
  test("keeps no slot at the source when the move is given up; the rest goes when it is back", async () => {
    if ((await placementIn(pair)) === "big1") {
      await beginMove(pair);
      await completeMove(pair);
    }
    const move = await beginMove(pair);
    const atPoint = (name: string) => {
      if (name === "end_caught_up") throw new Error("stopped by the test");
    };
    await expect(runMove(pair.site, move, { atPoint })).rejects.toThrow("stopped");
    await pair.far.crash("kill");
    const aborted = await abort(pair.site, SLUG);
    expect(aborted).toMatchObject({ state: "aborted", facts: { left: "big1" }, error: { code: "RH302" } });
    expect(aborted.error!.message).toContain("big1");
    expect(describeEnd(aborted)).toContain("big1 could not be reached");
    const kept = (await leftovers([pair.db])).map((left) => left.replace(/rowhouse_\w+/, "…"));
    expect(kept.toSorted()).toEqual([
      "resource publication … big1",
      "resource slot … big1",
      "resource subscription … big1",
    ]);
    await expect(abort(pair.site, SLUG)).rejects.toMatchObject({ kind: "databaseUnavailable" });
    await pair.far.restart();
    expect(await listDue(pair.db.platform)).toMatchObject([{ id: move.id }]);
    await expect(runMove(pair.site, await beginMove(pair))).rejects.toMatchObject({ kind: "moveRefused" });
    expect((await abort(pair.site, SLUG)).state).toBe("aborted");
    expect((await findMove(pair.db.platform, move.id)).facts.left).toBeNull();
    expect(await leftovers([pair.db, pair.big])).toEqual([]);
    const { rows } = await pair.big.admin.query("select from platform.tenants where slug = $1 and moved_to is null", [
      SLUG,
    ]);
    expect(rows).toEqual([]);
    await beginMove(pair);
    await completeMove(pair);
  });
});

test("no acknowledged write was lost, doubled or refused by all this", async () => {
  await sleep(300);
  const { acked, ...conclusion } = await conclude(pair, load);
  expect(acked).toBeGreaterThan(300);
  expect(conclusion).toEqual({ answers: {}, lost: [], doubled: [], wrong: [] });
}, 60_000);
