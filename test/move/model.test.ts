import { describe, expect, test } from "vitest";
import { CASES, MUTANTS } from "../../scripts/model/cases.ts";
import { checkCase, checkCases, missingPrograms, type Verdict } from "../../scripts/model/spin.ts";

const missing = missingPrograms(process.env["PATH"] ?? "");
if (missing.length > 0) {
  process.stderr.write(
    `The model of a move is not checked: no ${missing.join(" and no ")} (apt-get install spin gcc).\n`,
  );
}

describe.skipIf(missing.length > 0)("the model of a move", () => {
  test("holds in every history within its bounds", { timeout: 1_800_000 }, async () => {
    const report = ({ name, states, seconds, megabytes }: Verdict) =>
      process.stdout.write(`${name}: ${states} states, ${seconds} s, ${megabytes} MB\n`);
    const verdicts = await checkCases(CASES, 2, report);
    expect(verdicts.map(({ name, violation, isExhaustive }) => ({ name, violation, isExhaustive }))).toEqual(
      CASES.map(({ name }) => ({ name, violation: null, isExhaustive: true })),
    );
  });

  // All of them take minutes: `npm run check:model`. These three show that the verifier can find anything at all.
  test.each(["NO_ENTER_LOCK", "WATERMARK_REUSED", "NO_CONFIRM"])(
    "fails with %s",
    { timeout: 300_000 },
    async (name) => {
      const mutant = MUTANTS.find((one) => one.name === name)!;
      expect((await checkCase(mutant)).violation).toContain("acked");
    },
  );
});
