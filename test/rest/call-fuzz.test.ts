import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Routine } from "../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { addFunctions } from "./call/database.ts";
import { caller, readServed, type Caller } from "./caller.ts";
import { scrap } from "./scraps.ts";

let db: TestDatabase;
let call: Caller;
let routines: readonly Routine[];

beforeAll(async () => {
  db = await testDatabase();
  await addFunctions(db);
  const served = await readServed(db);
  routines = [...served.catalogs.get("app")!.routines.values()].flat().filter(({ name }) => !/slow/.test(name));
  call = await caller(db, "acme", served, { txEnd: "rollback" });
});
afterAll(() => db.close());

const WORDS = "select order limit offset and columns notes a tenant_id".split(" ");
const CONTENT_TYPES = [
  "application/json",
  "text/csv",
  "text/plain",
  "application/octet-stream",
  "application/x-www-form-urlencoded",
];
const PREFERENCES = ["count=exact", "handling=strict", "max-affected=1", "timezone=UTC", "tx=commit", "return=minimal"];

/** What the app's own functions do when they are told nonsense: answer.headers, and a setting that there is not. */
const OWN_FAULTS = new Set(["PGRST111", "PGRST112"]);

const VALUES = ["1", "2", "{1,2}", "x y", "good", "101", "C-00003", ""];

test("any call ends in an answer or in a refusal of the client's", async () => {
  const value = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...VALUES) }, scrap);
  const said = fc.oneof(value, fc.constantFrom("eq.1", "not.is.null", "*", "n.desc", "in.(1,2)"));
  const calls = fc.constantFrom(...routines).chain(({ name, parameters }) => {
    const all = parameters.map((parameter) => parameter.name);
    const keys = fc.oneof({ weight: 5, arbitrary: fc.constant(all) }, fc.subarray(all));
    const own = fc.tuple(keys, fc.array(value, { minLength: 9, maxLength: 9 }));
    const args = own.map(([given, values]) => given.map((key, n) => [key, values[n] ?? ""] as const));
    return fc.record({
      name: fc.constant(name),
      method: fc.constantFrom("GET", "HEAD", "POST", "POST", "OPTIONS"),
      args,
      more: fc.array(fc.tuple(fc.oneof(fc.constantFrom(...WORDS), scrap), said), { maxLength: 1 }),
      body: fc.oneof(
        { weight: 3, arbitrary: args.map((pairs) => JSON.stringify(Object.fromEntries(pairs))) },
        fc.json(),
        scrap,
      ),
      type: fc.oneof({ weight: 3, arbitrary: fc.constant("application/json") }, fc.constantFrom(...CONTENT_TYPES)),
      prefer: fc.subarray(PREFERENCES, { maxLength: 2 }),
    });
  });
  let asked = 0;
  const end = fc.asyncProperty(calls, async ({ name, method, args, more, body, type, prefer }) => {
    const query = [...(method === "POST" ? [] : args), ...more]
      .map(([key, text]) => `${encodeURIComponent(key)}=${encodeURIComponent(text)}`)
      .join("&");
    const headers = { "content-type": type, prefer: prefer.join(", ") };
    const answer = await call(method, `/rpc/${encodeURIComponent(name)}?${query}`, { body, headers });
    asked += Number(answer.asked.length > 0);
    return answer.status < 500 || OWN_FAULTS.has((answer.json as { code: string }).code);
  });
  const found = await fc.check(end, { numRuns: 4000 });
  expect(found.failed ? { counterexample: found.counterexample, error: found.errorInstance } : null).toBeNull();
  // Most of them come as far as the database.
  expect(asked).toBeGreaterThan(1000);
}, 600_000);
