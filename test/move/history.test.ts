import { expect, test } from "vitest";
import { isCommitted, type Move } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { listMoves } from "../../src/move/store.ts";
import { Random } from "../random.ts";
import { SEED } from "../seed.ts";
import { openArena, SLUG, type Arena } from "./arena.ts";
import { leftovers } from "./leftovers.ts";
import { observe } from "./observer.ts";
import { TEST_MS } from "./patience.ts";
import { judge, readWritten } from "./verdict.ts";

/** Longer ones by `npm run test:crashes`. */
const STEPS = process.env["TEST_CRASHES"] === "all" ? 18 : 9;
const placement = async ({ db }: Arena) => (await db.tenant(SLUG)).movedTo ?? "shared";
const latest = async ({ db }: Arena): Promise<Move | undefined> => (await listMoves(db.platform))[0];

/** What an operator may do now, sound or not; most of the time something ends it in the middle. */
async function act(arena: Arena, random: Random): Promise<string> {
  const move = await latest(arena);
  const isOpen = move !== undefined && move.finishedAt === null;
  const deadline = random.below(3) > 0 ? String(300 + random.below(1200)) : "";
  const to = (await placement(arena)) === "shared" ? "big1" : "shared";
  const choices = isOpen
    ? (["move", "finish", isCommitted(move.state) ? "rollback" : "abort"] as const)
    : (["move", "finish"] as const);
  const action = random.pick<(typeof choices)[number]>(choices);
  const target = isOpen ? move.to : to;
  const runs = [arena.mover(action, target, deadline)];
  if (random.below(4) === 0) runs.push(arena.mover("move", target)); // a second mover
  const ends = await Promise.all(runs);
  return `${action} to ${target}${deadline && ` for ${deadline} ms`}: ${ends.map(({ code, signal }) => signal ?? code).join(" and ")}`;
}

async function settle(arena: Arena): Promise<void> {
  const move = await latest(arena);
  if (move !== undefined && move.finishedAt === null) await runMove(arena.site, move, { finish: true });
}

test("random histories keep what the model promises", { timeout: 3 * TEST_MS }, async () => {
  await using arena = await openArena();
  const { db, big } = arena;
  const { id } = await db.tenant(SLUG);
  const observer = observe([db, big], id);
  const load = await arena.write(80, 4);
  const random = new Random(SEED);
  const history: string[] = [];
  for (let n = 0; n < STEPS; n++) history.push(await act(arena, random));
  await settle(arena);
  // Whatever came before, maybe nothing but movers that were killed: now it moves.
  const last = await arena.mover("finish", (await placement(arena)) === "shared" ? "big1" : "shared");
  expect({ code: last.code, stderr: last.stderr }).toEqual({ code: 0, stderr: "" });
  await load.goOn(20);
  await load.stop();
  await observer.stop();
  const [atHome, atBig] = [await readWritten(db.admin, id), await readWritten(big.admin, id)];
  const isHome = (await placement(arena)) === "shared";
  const verdict = judge(load.operations, isHome ? atHome : atBig, [isHome ? atBig : atHome]);
  const epoch = (await db.tenant(SLUG)).epoch;
  console.log(
    `seed ${SEED}: epoch ${epoch}, ${verdict.acked} writes acknowledged, ${observer.looks()} looks\n${history.join("\n")}`,
  );
  expect(observer.violations).toEqual([]);
  expect(verdict).toMatchObject({ lost: [], doubled: [], wrong: [], failed: 0, unknown: 0 });
  expect(await leftovers([db, big])).toEqual([]);
  expect(BigInt(epoch)).toBeGreaterThan(1n);
});
