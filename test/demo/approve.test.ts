import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase, type ConnectionPool } from "../../src/db/connections.ts";
import { approveDemo, declineDemo, slugOf, type DemoSources } from "../../src/demo/approve.ts";
import { findDemoRequest } from "../../src/demo/request.ts";
import { PATIENCE_MS, TEST_SECRET, testDatabase, type TestDatabase } from "../harness.ts";
import { allowedAfter, askForDemo, countMade, deathsAt, NOTHING, ONE_OF_EACH } from "./approval.ts";
import { openWire, type Wire } from "./wire.ts";

let db: TestDatabase;
let wire: Wire;
/** Of the platform's role, by the wire. */
let pool: ConnectionPool;
beforeAll(async () => {
  db = await testDatabase();
  wire = await openWire(db.url);
  pool = openDatabase(wire.url, TEST_SECRET).openPool("rowhouse_platform", { max: 2, waitMs: PATIENCE_MS });
});
afterAll(async () => {
  await pool?.end();
  await wire?.[Symbol.asyncDispose]();
  await db?.close();
});

const ACTOR = "operator:test";
/** What a lost connection is told as, by pg or by us. */
const CUT = /connection|ECONNRESET|database/i;
const sourcesOf = (pool: ConnectionPool): DemoSources => ({
  pool,
  keyring: db.database.keyring,
  originOf: (slug) => `http://${slug}.localhost`,
});

/** Every boundary; test/demo/kill-*.test.ts does it with processes that are killed. */
test("cut off at each statement and run again, there is one tenant, one user, one e-mail", async () => {
  const whole = await askForDemo(db, "whole");
  wire.arm(null);
  await approveDemo(sourcesOf(pool), whole, {}, ACTOR);
  expect(await countMade(db, "whole")).toEqual(ONE_OF_EACH);
  const deaths = deathsAt([...wire.statements()]);
  console.log(`${deaths.length} boundaries in one approval`);
  expect(deaths.length).toBeGreaterThan(24);

  for (const death of deaths) {
    const label = `cut-${death.at}-${death.when}`;
    const id = await askForDemo(db, label);
    wire.arm(death);
    await expect(approveDemo(sourcesOf(pool), id, {}, ACTOR)).rejects.toThrow(CUT);
    await wire.drained();
    expect({ label, allowed: allowedAfter(wire.statements(), death) }).toEqual({
      label,
      allowed: expect.arrayContaining([await countMade(db, label)]) as unknown,
    });
    const { tenant, request } = await approveDemo(sourcesOf(db.platform), id, {}, ACTOR);
    expect([tenant.slug, request.status, request.tenantId]).toEqual([label, "approved", tenant.id]);
    expect({ label, ...(await countMade(db, label)) }).toEqual({ label, ...ONE_OF_EACH });
  }
}, 600_000);

test("until it is committed, nothing of it is there", async () => {
  const id = await askForDemo(db, "halfway");
  wire.arm({ at: "commit", when: "before" });
  await expect(approveDemo(sourcesOf(pool), id, {}, ACTOR)).rejects.toThrow(CUT);
  expect(await countMade(db, "halfway")).toEqual(NOTHING);
});

test("two operators at once, and one more later, make one", async () => {
  const id = await askForDemo(db, "both");
  const both = await Promise.all([1, 2].map(() => approveDemo(sourcesOf(db.platform), id, {}, ACTOR)));
  const later = await approveDemo(sourcesOf(db.platform), id, { slug: "other" }, ACTOR);
  expect(new Set([...both, later].map(({ tenant }) => tenant.id)).size).toBe(1);
  expect(await countMade(db, "both")).toEqual(ONE_OF_EACH);
});

test("what was decided is said whatever plan is named, and approved again with a plan that is sold no more", async () => {
  const id = await askForDemo(db, "again");
  const gone = { plan: "sold-no-more" };
  await expect(approveDemo(sourcesOf(db.platform), id, gone, ACTOR)).rejects.toMatchObject({ kind: "planUnknown" });
  expect(await countMade(db, "again")).toEqual(NOTHING);
  const { tenant } = await approveDemo(sourcesOf(db.platform), id, {}, ACTOR);
  expect((await approveDemo(sourcesOf(db.platform), id, gone, ACTOR)).tenant).toEqual(tenant);
  const declined = await askForDemo(db, "declined");
  await declineDemo(db.platform, declined, undefined, ACTOR);
  const approving = approveDemo(sourcesOf(db.platform), declined, gone, ACTOR);
  await expect(approving).rejects.toMatchObject({ kind: "demoDecided" });
});

test("a request is known by its id in any case, and what is no uuid is unknown", async () => {
  const id = await askForDemo(db, "upper");
  expect(await findDemoRequest(db.platform, id.toUpperCase())).toMatchObject({ id });
  const unknown = { kind: "demoUnknown" };
  for (const wrong of ["", "upper", `{${id}}`]) {
    await expect(findDemoRequest(db.platform, wrong)).rejects.toMatchObject(unknown);
    await expect(approveDemo(sourcesOf(db.platform), wrong, {}, ACTOR)).rejects.toMatchObject(unknown);
    await expect(declineDemo(db.platform, wrong, undefined, ACTOR)).rejects.toMatchObject(unknown);
  }
});

test("a slug is made of the company's name", () => {
  expect(["Café Zoë & Co.", "42 Lines", "株式会社", `${"a".repeat(80)}`, "A--B-"].map(slugOf)).toEqual([
    "cafe-zoe-co",
    "lines",
    "",
    "a".repeat(63),
    "a-b",
  ]);
});
