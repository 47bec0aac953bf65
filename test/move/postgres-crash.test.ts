import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isCommitted, MOVE_STATES, type Move, type MoveState } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort } from "../../src/move/operation.ts";
import { findMove } from "../../src/move/store.ts";
import { leftovers } from "./leftovers.ts";
import { clock, type Load } from "./load.ts";
import { openPair, SLUG, type Pair } from "./pair.ts";
import { TEST_MS } from "./patience.ts";
import { beginMove, completeMove, conclude, longestStall, placementIn } from "./trial.ts";

/**
 * Either PostgreSQL crashes while a tenant moves and clients write: the mover waits for it, or ends with an error that says so; one
 * command brings the move to its end, and every acknowledged write is in one place. `TEST_CRASHES=all` (`npm run test:crashes`) crashes
 * either server at every point of a move, in both ways, instead of where it matters most.
 */
let pair: Pair;
let load: Load;

beforeAll(async () => {
  pair = await openPair();
  load = await pair.write(40);
}, TEST_MS);
afterAll(() => pair[Symbol.asyncDispose]());

type End = "source" | "target";
type How = "immediate" | "kill";

interface Crash {
  /** A point of the mover's way, or `state_` and what it has reached. */
  readonly at: string;
  readonly end: End;
  readonly how: How;
  /** Somebody stops the mover while the server is gone, and gives the move up. */
  readonly isGivenUp?: boolean;
}

/** Each state of a move, and the points between two of them at which one end knows what the other does not. */
const ALL_POINTS = [
  "state_planned",
  "state_published",
  "state_copying",
  "target_cleared",
  "slot_created",
  "copied",
  "state_subscribed",
  "barrier_set",
  "barrier_met",
  "barrier_lifted",
  "state_caught_up",
  "reverse_published",
  "state_ready",
  "state_fencing",
  "fenced",
  "drained",
  "reverse_noted",
  "released",
  "state_committed",
  "state_activated",
  "state_flipped",
  "state_reversing",
  "subscription_dropped",
  "forward_dropped",
  "reverse_subscribed",
  "state_observing",
  "reverse_dropped",
] as const;

const ENDS = ["source", "target"] as const;
const all = ALL_POINTS.flatMap((at) =>
  ENDS.flatMap((end) => (["immediate", "kill"] as const).map((how): Crash => ({ at, end, how }))),
);

const COMMITTED = MOVE_STATES.indexOf("committed");
/** One server or the other at each state, the way of crashing and of going on taking turns … */
const atStates = ALL_POINTS.filter((at) => at.startsWith("state_")).map((at, n): Crash => ({
  at,
  end: ENDS[n % 2]!,
  how: n % 4 < 2 ? "immediate" : "kill",
  isGivenUp: n % 3 === 0 && n < COMMITTED,
}));
/** … and in between where it matters most: with a snapshot that dies, a stopped applier, a fence, and around the commit point. */
const between: readonly Crash[] = [
  { at: "slot_created", end: "source", how: "kill" },
  { at: "copied", end: "target", how: "kill" },
  { at: "barrier_set", end: "target", how: "immediate" },
  { at: "fenced", end: "source", how: "kill" },
  { at: "fenced", end: "target", how: "immediate" },
  { at: "drained", end: "target", how: "kill" },
  { at: "released", end: "target", how: "immediate" },
  { at: "released", end: "source", how: "kill" },
  { at: "reverse_subscribed", end: "target", how: "kill" },
];

const clusterOf = (place: string) => (place === "shared" ? pair.home : pair.far);
const STOPPED = new Error("stopped by the test");
/** How long a server is down: longer than a fence, so that what waits has to find its own way. */
const DOWN_MS = 700;

/** Runs a move there that a crash meets; the server comes back while the mover waits for it. */
async function moveThrough({ at, end, how, isGivenUp }: Crash): Promise<Move> {
  const move = await beginMove(pair);
  const cluster = clusterOf(end === "source" ? move.from : move.to);
  const back: Promise<void>[] = [];
  const stop = new AbortController();
  const strike = async (name: string) => {
    if (name !== at || back.length > 0) return;
    const gone = cluster.crash(how);
    if (isGivenUp === true) stop.abort(STOPPED);
    back.push(gone.then(() => sleep(DOWN_MS)).then(() => cluster.restart()));
    await gone;
  };
  const atPoint = async (name: string) => {
    if (name.startsWith("begin_")) await strike(name.replace("begin_", "state_"));
    await strike(name);
  };
  const failure: unknown = await runMove(pair.site, move, {
    atPoint,
    signal: stop.signal,
    finish: at === "reverse_dropped",
  }).then(
    () => null,
    (error: unknown) => error,
  );
  expect(back).toHaveLength(1);
  await Promise.all(back);
  // It gets through by its own retry, unless somebody has stopped it meanwhile.
  expect(failure).toBe(isGivenUp === true ? STOPPED : null);
  return findMove(pair.db.platform, SLUG);
}

/** By one command. @returns where the tenant has to be then */
async function endIt(move: Move, isGivenUp = false): Promise<string> {
  if (move.finishedAt !== null || !isGivenUp || isCommitted(move.state)) {
    await completeMove(pair);
    return move.to;
  }
  expect((await abort(pair.site, SLUG)).state).toBe("aborted");
  expect(await leftovers([pair.db, pair.big])).toEqual([]);
  return move.from;
}

const crashes = process.env["TEST_CRASHES"] === "all" ? all : [...atStates, ...between];

describe("a PostgreSQL that crashes", { timeout: TEST_MS }, () => {
  test("does so at every state of a move; at either end of each when all are asked for", () => {
    const over: readonly MoveState[] = ["done", "aborted"];
    const states = MOVE_STATES.filter((state) => !over.includes(state)).map((state) => `state_${state}`);
    expect(atStates.map(({ at }) => at)).toEqual(states);
    expect(new Set(atStates.map(({ end }) => end))).toEqual(new Set(ENDS));
    const pairs = new Set(all.map(({ at, end }) => `${end} ${at}`));
    expect(states.flatMap((state) => ENDS.map((end) => `${end} ${state}`)).filter((each) => !pairs.has(each))).toEqual(
      [],
    );
  });

  test.each(crashes)("$end at $at ($how)", async (crash) => {
    const from = await placementIn(pair);
    const start = clock();
    const move = await moveThrough(crash);
    const error = move.error === null ? "" : `, ${move.error.code}`;
    const took = Math.round(clock() - start);
    expect(await endIt(move, crash.isGivenUp)).toBe(await placementIn(pair));
    console.log(
      `${crash.end} ${from} at ${crash.at}: ${move.state} after ${took} ms${error}, longest stall ${longestStall(load, start)} ms`,
    );
  });

  test("never costs a client an acknowledged write", async () => {
    const { acked, answers, ...conclusion } = await conclude(pair, load, 51);
    expect(acked).toBeGreaterThan(50);
    expect(conclusion).toEqual({ lost: [], doubled: [], wrong: [] });
    // Nothing but what a client may be told while a server is gone.
    expect(Object.keys(answers).filter((answer) => !/^503 RH|^504 RH304|^40001/.test(answer))).toEqual([]);
  });
});
