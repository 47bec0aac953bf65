import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runMove } from "../../src/move/mover.ts";
import { startMove } from "../../src/move/start.ts";
import { leftovers } from "./leftovers.ts";
import { openPair, SLUG, type Pair } from "./pair.ts";

let pair: Pair;
beforeAll(async () => {
  const t = performance.now();
  pair = await openPair();
  console.log("pair", performance.now() - t);
}, 180_000);
afterAll(() => pair?.[Symbol.asyncDispose]());

describe("x", { timeout: 120_000 }, () => {
  test("y", async () => {
    const load = await pair.write(40);
    const move = await startMove(pair.site, { slug: SLUG, to: "big1", settings: { patienceSeconds: 20 } });
    const t = performance.now();
    const r = await runMove(pair.site, move!, { onEvent: (e) => { if (e.event !== "copy" && e.event !== "verify") console.log(Math.round(performance.now() - t), JSON.stringify(e)); } });
    const d = await runMove(pair.site, r, { finish: true });
    await load.stop();
    expect(d.state).toBe("done");
    expect(await leftovers([pair.db, pair.big])).toEqual([]);
  });
});
