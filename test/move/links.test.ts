import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { describeEnd } from "../../src/commands/move/run.ts";
import type { Move, MoveEvent } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort, resume } from "../../src/move/operation.ts";
import { findMove, listDue } from "../../src/move/store.ts";
import { leftovers } from "./leftovers.ts";
import type { Link } from "./link.ts";
import { clock, type Load } from "./load.ts";
import { openPair, SLUG, type Pair } from "./pair.ts";
import { TEST_MS } from "./patience.ts";
import { beginMove, completeMove, conclude, forwardLink, longestStall, placementIn, runTo } from "./trial.ts";

/**
 * Moves between two servers whose network is cut, slow or silent, while clients write: a move completes or ends with a clear error, and
 * nobody waits for longer than a fence lasts.
 */
let pair: Pair;
let load: Load;

beforeAll(async () => {
  pair = await openPair();
  load = await pair.write(40);
}, TEST_MS);
afterAll(() => pair[Symbol.asyncDispose]());
afterEach(() => {
  for (const link of Object.values(pair.links)) {
    link.setDelay(0);
    link.setRate(null);
    link.mend();
  }
});

/** What happens to a move. */
type Told = MoveEvent | { readonly event: "point"; readonly name: string } | { readonly event: "mended" };

interface Scene {
  readonly move: Move;
  /** The one that the move's target follows by. */
  readonly link: Link;
  /** In the order in which it happened. */
  readonly told: Told[];
}

/** Runs a move there, doing something at each thing that happens to it, and says how it went. */
async function moveWith(harm: (one: Told, scene: Scene) => void | Promise<void>): Promise<Scene> {
  const move = await beginMove(pair);
  const scene: Scene = { move, link: forwardLink(pair, move), told: [] };
  const start = clock();
  const tell = async (one: Told) => {
    scene.told.push(one);
    await harm(one, scene);
  };
  const observing = await runMove(pair.site, move, {
    atPoint: (name) => tell({ event: "point", name }),
    onEvent: (event) => void tell(event),
  });
  const { fence } = observing.facts;
  console.log(
    `${Math.round(clock() - start)} ms, fence ${fence!.activatedMs} ms at attempt ${fence!.attempts}, longest stall ${longestStall(load, start)} ms`,
  );
  expect(observing.state).toBe("observing");
  await completeMove(pair);
  return { ...scene, move: observing };
}

function mend({ link, told }: Scene): void {
  link.mend();
  told.push({ event: "mended" });
}

const isPoint = (one: Told, name: string) => one.event === "point" && one.name === name;
/** The gate lets the fence through. */
const isQuick = (one: Told | undefined, { settings }: Move) =>
  one?.event === "lag" && one.ms !== null && one.ms <= settings.lagMs;

describe("the link between the servers", { timeout: TEST_MS }, () => {
  test("is cut while the tenant is copied", async () => {
    const { told } = await moveWith((one, scene) => {
      const isMended = scene.told.some(({ event }) => event === "mended");
      if (isPoint(one, "copied") && !isMended) scene.link.cut();
      if (one.event === "retry" && !isMended) mend(scene);
    });
    expect(told).toContainEqual({ event: "mended" });
  });

  test("is cut while the target catches up", async () => {
    const { told } = await moveWith((one, scene) => {
      if (isPoint(one, "begin_subscribed")) scene.link.cut();
      // What it waits for can't come before, however long that takes.
      if (isPoint(one, "barrier_set") && !scene.told.some(({ event }) => event === "mended"))
        setTimeout(() => mend(scene), 500);
    });
    const mendedAt = told.findIndex(({ event }) => event === "mended");
    const goneOnAt = told.findIndex((one) => isPoint(one, "barrier_met"));
    expect(mendedAt).toBeGreaterThan(0);
    expect(goneOnAt).toBeGreaterThan(mendedAt);
  });

  test("is cut in the fence: it is lifted, and the next one completes", async () => {
    // At the gate's last word, after which writes are fenced at once: at the point `fenced` the watermark may have arrived already.
    let isOver = false;
    const { move, told } = await moveWith((one, scene) => {
      if (isOver) return;
      if (isQuick(one, scene.move)) scene.link.cut();
      if (one.event !== "fence_missed") return;
      scene.link.mend();
      isOver = one.reason.startsWith("the target did not follow"); // or else a write was running: at the next one
    });
    expect(move.facts.fence!.attempts).toBeGreaterThan(1);
    expect(told).toContainEqual({
      event: "fence_missed",
      attempt: expect.any(Number) as number,
      reason: "the target did not follow within 500 ms",
    });
  });

  test("takes 22 ms each way", async () => {
    const { move } = await moveWith((one) => {
      if (!isPoint(one, "begin_planned")) return;
      for (const link of Object.values(pair.links)) link.setDelay(22);
    });
    expect(move.facts.fence!.appliedMs).toBeGreaterThan(20); // a timer may come a millisecond early
  });

  test("carries 256 kB a second, and the tenant changes more than that: the gate waits, and the fence is short", async () => {
    const { move, told } = await moveWith(async (one, { move: { from, tenantId, settings }, link }) => {
      if (one.event === "lag") link.setDelay(0);
      if (!isPoint(one, "begin_ready")) return;
      link.setRate(256 * 1024);
      // Whatever has been carried by then, the gate's first watermark takes too long.
      link.setDelay(2 * settings.lagMs);
      const source = from === "shared" ? pair.db : pair.big;
      await source.admin.query(
        `update app.customers set notes = (select string_agg(md5(n::text || number), '') from generate_series(1, 400) n)
         where tenant_id = $1 and ctid in (select ctid from app.customers where tenant_id = $1 limit 30)`,
        [tenantId],
      );
    });
    const lags = told.filter(({ event }) => event === "lag");
    expect(lags.length).toBeGreaterThan(1);
    expect(isQuick(lags[0], move)).toBe(false);
    const gates = told.filter((one) => one.event === "lag" || isPoint(one, "fenced"));
    const beforeFences = gates.filter((_, index) => gates[index + 1]?.event === "point");
    expect(beforeFences.map((one) => isQuick(one, move))).toEqual(beforeFences.map(() => true));
    expect(beforeFences.length).toBeGreaterThan(0);
  });

  test("is silent for good: the gate holds the fence, and the move says so and can be resumed", async () => {
    const from = await placementIn(pair);
    const move = await beginMove(pair);
    await runTo(pair, move, "begin_fencing");
    const start = clock();
    forwardLink(pair, move).blackhole();
    await expect(resume(pair.site, SLUG, {}, { patienceSeconds: 3 })).rejects.toMatchObject({ kind: "moveLagging" });
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

describe("a target that is gone", { timeout: TEST_MS }, () => {
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

test(
  "no acknowledged write was lost, doubled or refused by all this",
  async () => {
    const { acked, ...conclusion } = await conclude(pair, load, 301);
    expect(acked).toBeGreaterThan(300);
    expect(conclusion).toEqual({ answers: {}, lost: [], doubled: [], wrong: [] });
  },
  TEST_MS,
);
