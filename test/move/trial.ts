import { expect } from "vitest";
import type { Move, MoveSettings } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { resume } from "../../src/move/operation.ts";
import type { RunOptions } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { leftovers } from "./leftovers.ts";
import type { Load } from "./load.ts";
import type { Link } from "./link.ts";
import { SLUG, type Pair } from "./pair.ts";
import { PATIENCE_SECONDS } from "./patience.ts";
import { judge, readWritten, type Verdict } from "./verdict.ts";

type Place = "shared" | "big1";

/** What the registry says. */
export async function placementIn({ db }: Pair): Promise<Place> {
  return ((await db.tenant(SLUG)).movedTo ?? "shared") as Place;
}

export const opposite = (place: Place): Place => (place === "shared" ? "big1" : "shared");

/** Writes down a move to the other database. */
export async function beginMove(pair: Pair, settings: Partial<MoveSettings> = {}): Promise<Move> {
  const to = opposite(await placementIn(pair));
  const move = await startMove(pair.site, {
    slug: SLUG,
    to,
    settings: { patienceSeconds: PATIENCE_SECONDS, ...settings },
  });
  return move!;
}

/** Runs the move up to a point, and stops there. */
export async function runTo({ site }: Pair, move: Move, name: string, options: RunOptions = {}): Promise<void> {
  const stop = new Error("stopped by the test");
  const atPoint = async (reached: string) => {
    await options.atPoint?.(reached);
    if (reached === name) throw stop;
  };
  await expect(runMove(site, move, { ...options, atPoint })).rejects.toBe(stop);
}

/** The link through which the move's target follows its source. */
export function forwardLink({ links }: Pair, { from }: Move): Link {
  return from === "shared" ? links.toHome : links.toBig;
}

/** One command, and the move is over, with nothing of it left. */
export async function completeMove(pair: Pair): Promise<void> {
  const done = await resume(pair.site, SLUG, { finish: true }, { patienceSeconds: PATIENCE_SECONDS });
  expect(done.state).toBe("done");
  expect(await placementIn(pair)).toBe(done.to);
  expect(await leftovers([pair.db, pair.big])).toEqual([]);
}

export interface Conclusion extends Pick<Verdict, "lost" | "doubled" | "wrong"> {
  readonly acked: number;
  /** Answers that were not the wanted ones, with how often they came. */
  readonly answers: Readonly<Record<string, number>>;
}

/** Ends the clients when they have written so much, and holds what they were told against what is there. */
export async function conclude(pair: Pair, load: Load, writes: number): Promise<Conclusion> {
  await load.goOn(writes, 0);
  await load.goOn(20);
  await load.stop();
  const { id } = await pair.db.tenant(SLUG);
  const written = { shared: await readWritten(pair.db.admin, id), big1: await readWritten(pair.big.admin, id) };
  const place = await placementIn(pair);
  const verdict = judge(load.operations, written[place], [written[opposite(place)]]);
  const answers: Record<string, number> = {};
  for (const { outcome, answer } of load.operations)
    if (outcome !== "acked") answers[answer] = (answers[answer] ?? 0) + 1;
  const longest = Math.max(...load.operations.map(({ startedAt, endedAt }) => endedAt - startedAt));
  const { acked, failed, unknown, lost, doubled, wrong } = verdict;
  console.log(
    `${acked} writes acknowledged, ${failed} refused, ${unknown} unknown ${JSON.stringify(answers)}; longest ${Math.round(longest)} ms`,
  );
  return { acked, answers, lost, doubled, wrong };
}

/** Longest wait for a write that was acknowledged since `from` (of `clock()`), in milliseconds. */
export function longestStall({ operations }: Load, from: number): number {
  const since = operations.filter(({ outcome, startedAt }) => outcome === "acked" && startedAt >= from);
  return Math.round(Math.max(0, ...since.map(({ startedAt, endedAt }) => endedAt - startedAt)));
}
