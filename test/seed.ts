import fc from "fast-check";

const given = process.env["TEST_SEED"];

/**
 * Decides what tests draw by chance: the same in every run, so that the code alone decides whether one passes.
 * 3 it is for test/move/history.test.ts, whose moves are then finished, rolled back, killed and met by second movers.
 * `TEST_SEED=<number>` draws something else, `TEST_SEED=any` something else each time.
 */
export const SEED = given === "any" ? Date.now() % 1_000_000_000 : Number(given ?? 3);
if (!Number.isSafeInteger(SEED)) throw new Error(`TEST_SEED is a whole number or any, and not ${given}`);

fc.configureGlobal({ seed: SEED });
