import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isCommitted } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { findMove } from "../../src/move/store.ts";
import { Random } from "../random.ts";
import { SEED } from "../seed.ts";
import { openArena, SLUG, type Arena } from "./arena.ts";
import { leftovers } from "./leftovers.ts";
import type { Load } from "./load.ts";
import { TEST_MS } from "./patience.ts";
import { judge, readWritten } from "./verdict.ts";

/**
 * A mover that is killed at the boundaries of its way, while clients write through two servers: whoever runs it again brings it
 * to its end, and every acknowledged write is in one place. At every boundary with `TEST_CRASHES=all` (`npm run test:crashes`); else
 * at every eighth, from one on that the seed decides.
 */
let arena: Arena;
let load: Load;

const STRIDE = process.env["TEST_CRASHES"] === "all" ? 1 : 8;
const random = new Random(SEED);
const OFFSET = random.below(STRIDE);
const sample = <T>(points: readonly T[]) => points.filter((_, index) => index % STRIDE === OFFSET);

beforeAll(async () => {
  arena = await openArena();
  load = await arena.write(60, 4);
}, 60_000);
afterAll(() => arena[Symbol.asyncDispose]());

/** Points of a fence, by which a move comes again when one has lapsed: the next move may do with one. */
const AGAIN = /^(?:fenced|drained|reverse_noted)#(?!1$)/;
const withoutAgain = (points: readonly string[]) => points.filter((point) => !AGAIN.test(point));

/** The points that every whole move comes by, in their order. */
async function readPoints(to: string): Promise<readonly string[]> {
  const { points, code, stderr } = await arena.mover("finish", to);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return withoutAgain(points);
}

const placement = async () => (await arena.db.tenant(SLUG)).movedTo ?? "shared";
const other = (database: string) => (database === "shared" ? "big1" : "shared");

async function finishMove(): Promise<void> {
  const move = await findMove(arena.db.platform, SLUG);
  const ended = move.finishedAt === null ? await runMove(arena.site, move, { finish: true }) : move;
  // Killed before it had written itself down, a move was never begun: then the latest is the one before.
  expect(ended.finishedAt).not.toBeNull();
  expect(await leftovers([arena.db, arena.big])).toEqual([]);
}

describe("a mover that is killed", { timeout: 4 * TEST_MS }, () => {
  test("at a boundary, and run again, completes the move", async () => {
    const points = await readPoints("big1");
    expect(new Set(points).size).toBeGreaterThan(40);
    console.log(`${sample(points).length} of ${points.length} boundaries, from number ${OFFSET} on`);
    for (const point of sample(points)) {
      const from = await placement();
      const { signal, stderr } = await arena.mover("finish", other(from), point);
      expect({ point, signal, stderr }).toEqual({ point, signal: "SIGKILL", stderr: "" });
      await finishMove();
      expect({ point, placement: await placement() }).toEqual({ point, placement: other(from) });
    }
  });

  test("at any moment, and given up or run again, leaves the tenant in one place", async () => {
    for (let n = 0; n < 8; n++) {
      const from = await placement();
      const { signal } = await arena.mover("finish", other(from), String(250 + random.below(900)));
      const move = await findMove(arena.db.platform, SLUG);
      const mayAbort = signal === "SIGKILL" && move.finishedAt === null && !isCommitted(move.state) && n % 2 === 0;
      const { code } = mayAbort ? await arena.mover("abort", "") : { code: 1 };
      if (code !== 0) await finishMove();
      expect(await leftovers([arena.db, arena.big])).toEqual([]);
    }
  });

  test("on the way back, completes the way back", async () => {
    const home = await placement();
    expect((await arena.mover("move", other(home))).stderr).toBe("");
    const { points, stderr } = await arena.mover("rollback", "");
    expect(stderr).toBe("");
    for (const point of sample(withoutAgain(points))) {
      const from = await placement();
      const { signal } = await arena.mover("rollback", "", point);
      const move = await findMove(arena.db.platform, SLUG);
      const observing = await runMove(arena.site, move);
      expect({ point, signal, state: observing.state }).toEqual({ point, signal: "SIGKILL", state: "observing" });
      // Killed before it was turned round, it is still where it was.
      const turned = (await placement()) !== from;
      expect({ point, turned }).toEqual({ point, turned: observing.isRollback !== move.isRollback || turned });
    }
    await finishMove();
  });

  test("never cost a client an acknowledged write", async () => {
    await load.goOn(1001, 0);
    await load.goOn(20);
    await load.stop();
    const { id } = await arena.db.tenant(SLUG);
    const written = {
      shared: await readWritten(arena.db.admin, id),
      big1: await readWritten(arena.big.admin, id),
    };
    const at = (await placement()) as keyof typeof written;
    const verdict = judge(load.operations, written[at], [written[other(at) as keyof typeof written]]);
    const answers = load.operations.filter(({ outcome }) => outcome !== "acked").map(({ answer }) => answer);
    const longest = Math.max(...load.operations.map(({ startedAt, endedAt }) => endedAt - startedAt));
    console.log(
      `${verdict.acked} writes acknowledged, ${verdict.failed} refused, ${verdict.unknown} unknown; longest ${Math.round(longest)} ms`,
    );
    expect(verdict.acked).toBeGreaterThan(1000);
    expect(verdict).toMatchObject({ lost: [], doubled: [], wrong: [] });
    expect(answers).toEqual([]);
  });
});
