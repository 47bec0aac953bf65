import { describe, expect, test } from "vitest";
import { renderLine, renderView } from "../../src/commands/move/lines.ts";
import { applyEvent, beginView, copyPace, type MoveView } from "../../src/commands/move/view.ts";
import { forecastMove } from "../../src/move/forecast.ts";
import { DEFAULT_SETTINGS, type Move, type MoveEvent, type MoveFacts, type MoveState } from "../../src/move/move.ts";

const planned = { tables: 2, rows: 1000, bytes: 2_000_000, totalMs: 3000, fenceMs: 20 };
const FENCE = { drainedMs: 2.14, appliedMs: 9.5, committedMs: 11, activatedMs: 12.4, attempts: 2 };

function moveWith(facts: MoveFacts, state: MoveState = "planned"): Move {
  return {
    id: "1",
    tenantId: "2",
    slug: "acme",
    from: "shared",
    to: "big1",
    state,
    isRollback: false,
    token: "3",
    epoch: "1",
    forwardName: "f",
    reverseName: "r",
    settings: DEFAULT_SETTINGS,
    attempts: 0,
    observeUntil: null,
    facts,
    error: null,
    actor: "operator:test",
    createdAt: "",
    updatedAt: "",
    finishedAt: null,
  };
}

const SIZES = [
  { table: "app.orders", rows: 900, bytes: 1_800_000 },
  { table: "app.customers", rows: 100, bytes: 200_000 },
];
const state = (name: MoveState): MoveEvent => ({ event: "state", state: name, details: {} });
const copy = (table: string, rows: number, bytes: number, done = false): MoveEvent => ({
  event: "copy",
  table,
  rows,
  bytes,
  done,
});

/** Events, a second apart. */
const play = (begun: MoveView, ...events: MoveEvent[]) =>
  events.reduce((view, event, index) => applyEvent(view, event, (index + 1) * 1000), begun);
const plain = (_: unknown, text: string) => text;
const draw = (view: MoveView, now: number, width = 120) => renderView(view, now, width, plain);

describe("the view", () => {
  const begun = beginView(moveWith({ planned }), 0, SIZES);

  test("rows of a table that is being copied are told from its bytes, then counted", () => {
    const half = play(begun, state("copying"), copy("app.orders", 0, 900_000));
    expect(copyPace(half, 3000)).toEqual({ rows: 450, bytes: 900_000, seconds: 2, eta: 3 });
    const done = play(
      begun,
      state("copying"),
      copy("app.orders", 0, 900_000),
      copy("app.orders", 899, 1_790_000, true),
    );
    expect(copyPace(done, 3000)).toMatchObject({ rows: 899, bytes: 1_790_000 });
    expect(renderLine(half, 3000)).toBe("acme: copying  3 s  450 of 1,000 rows  900 kB of 2.0 MB  450 kB/s  3 s left");
  });

  test("a copy that begins anew counts anew", () => {
    const again = play(
      begun,
      state("copying"),
      copy("app.orders", 900, 1, true),
      state("subscribed"),
      state("copying"),
    );
    expect(copyPace(again, 5000)).toMatchObject({ rows: 0, bytes: 0 });
  });

  test("the fence is expected before, and measured after", () => {
    const before = play(begun, state("copying"), state("fencing"), { event: "lag", ms: 1.23 });
    expect(draw(before, 4000)[4]).toBe("  ● cut over         2 s  lag 1.2 ms  writes will wait about 20 ms");
    const missed = play(before, { event: "fence_missed", attempt: 1, reason: "a transaction is still running" });
    expect(draw(missed, 4000)[4]).toContain("attempt 1: a transaction is still running");
    const after = play(before, { event: "facts", facts: { fence: FENCE } }, state("committed"), state("flipped"));
    expect(draw(after, 4000).slice(4)).toEqual([
      "  ✓ cut over         1 s  writes waited 12 ms (drained 2.1, applied 9.5, committed 11, at attempt 2)",
      "  ● way back         1 s",
    ]);
  });

  test("a rollback shows its own half, and not the times of the way there", () => {
    const observing = beginView(moveWith({ planned, fence: FENCE }, "observing"), 0);
    const turned = play(observing, { event: "turned", from: "big1", to: "shared", isRollback: true });
    expect(draw(turned, 2000)).toEqual([
      "acme: big1 → shared (rollback)  subscribed  2 s",
      "  ● verify           1 s",
      "  · cut over              writes will wait about 20 ms",
      "  · way back",
    ]);
  });

  test("no line is wider than the terminal", () => {
    const lines = draw(play(begun, state("copying"), copy("app.orders", 0, 900_000)), 2500, 40);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(40);
  });
});

describe("the forecast", () => {
  const size = { rows: 70_000, bytes: 100_000_000 };

  test("guesses without earlier moves, and says so", () => {
    expect(forecastMove(size, [])).toEqual({ copyMs: 5000, verifyMs: 400, totalMs: 7400, fenceMs: 20, learnedFrom: 0 });
  });

  test("learns from those that are large enough to tell", () => {
    const copied = (bytes: number, ms: number) =>
      moveWith({ copied: { tables: 1, rows: 1, bytes, ms }, fence: FENCE }, "done");
    const earlier = [copied(10_000_000, 1000), copied(20_000_000, 1000), copied(50_000_000, 1000), copied(1000, 900)];
    expect(forecastMove(size, earlier)).toMatchObject({ copyMs: 5000, fenceMs: 13, learnedFrom: 3 });
  });
});
