import { afterAll, beforeAll, expect, test } from "vitest";
import { ended, start, type Ended } from "../commands/rowhouse.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { allowedAfter, askForDemo, countMade, deathsAt, emailOf, ONE_OF_EACH, sample } from "./approval.ts";
import { openWire, type Death, type Wire } from "./wire.ts";

/**
 * `rowhouse demo approve` as a process that is killed (SIGKILL) at its statements, and run again. At every one with `TEST_CRASHES=all`
 * (`npm run test:crashes`); else at its commit in each way, and at a few others.
 */
let db: TestDatabase;
let wire: Wire;
beforeAll(async () => {
  db = await testDatabase();
  wire = await openWire(db.url);
});
afterAll(async () => {
  await wire?.[Symbol.asyncDispose]();
  await db?.close();
});

/** @returns also the signal that ended it */
async function approve(id: string, death: Death | null): Promise<Ended & { signal: string | null }> {
  const child = start(["demo", "approve", id, "--json"], { env: { DATABASE_URL: wire.url } });
  wire.arm(death, () => child.kill("SIGKILL"));
  child.stdin.end();
  return { ...(await ended(child)), signal: child.signalCode };
}

test("killed at its statements and run again: one tenant, one user, one e-mail", { timeout: 1_800_000 }, async () => {
  const whole = await approve(await askForDemo(db, "whole"), null);
  expect({ code: whole.code, made: await countMade(db, "whole") }).toEqual({ code: 0, made: ONE_OF_EACH });
  const statements = [...wire.statements()];
  const commit = statements.indexOf("commit") + 1;
  expect(commit).toBeGreaterThan(10);

  const all = deathsAt(statements);
  const deaths = sample(all, 1, ({ at }) => at === commit);
  console.log(`${deaths.length} of ${all.length} boundaries, in ${statements.length} messages`);
  for (const { at, when } of deaths) {
    const label = `killed-${at}-${when}`;
    const id = await askForDemo(db, label);
    const killed = await approve(id, { at, when });
    await wire.drained();
    expect({ label, signal: killed.signal, stdout: killed.stdout }).toEqual({ label, signal: "SIGKILL", stdout: "" });
    expect({ label, allowed: allowedAfter(wire.statements(), { at, when }) }).toEqual({
      label,
      allowed: expect.arrayContaining([await countMade(db, label)]) as unknown,
    });

    const again = await approve(id, null);
    expect({ label, code: again.code, stderr: again.stderr.includes(emailOf(label)) }).toEqual({
      label,
      code: 0,
      stderr: true,
    });
    expect(again.json()).toMatchObject({ request: { status: "approved" }, tenant: { slug: label } });
    expect({ label, ...(await countMade(db, label)) }).toEqual({ label, ...ONE_OF_EACH });
  }
});
