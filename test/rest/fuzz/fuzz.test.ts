import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { Random } from "../../random.ts";
import { SEED } from "../../seed.ts";
import { client, readCatalog, type Client, type Served } from "../served.ts";
import { Generator, type Generated } from "./generate.ts";
import { faultsOf } from "./shape.ts";

/** `npm run fuzz` asks for 100,000, or for FUZZ_REQUESTS, and others each time; TEST_SEED makes a run again. */
const REQUESTS = Number(process.env["FUZZ_REQUESTS"] ?? 3000);
/** Stands in every text of the other tenant's customers: what shows it has leaked. */
const SECRET = "B-SECRET-7f3a";
const AT_ONCE = 8;

let db: TestDatabase;
let catalog: Catalog;
let initech: Client;
beforeAll(async () => {
  db = await testDatabase();
  await db.admin.query(
    "update app.customers set name = $1, notes = $1 where tenant_id = (select id from platform.tenants where slug = 'globex')",
    [SECRET],
  );
  catalog = await readCatalog(db);
  // The smallest tenant and few rows an embed, so that no embed of embeds of embeds meets the statement timeout.
  initech = await client(db, "initech", catalog, { maxRows: 30 }, { aggregates: true, txEnd: "commit-allow-override" });
});
afterAll(() => db.close());

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;
function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1_048_576;
}

interface Tally {
  readonly statuses: Map<number, number>;
  readonly faults: string[];
  readonly shapes: Set<string>;
}

/** Writes one after the other: two that change every row end in a deadlock, which is an honest 500. */
let lastWrite: Promise<unknown> = Promise.resolve();
function send({ method, url, ...said }: Generated): Promise<Served> {
  const ask = () => initech(method, url, { ...said, method });
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return ask();
  const asked = lastWrite.then(ask);
  lastWrite = asked.catch(() => undefined);
  return asked;
}

async function askOne(generator: Generator, tally: Tally): Promise<void> {
  const made = generator.request();
  const { status, text, statement } = await send(made).catch((error: unknown) => {
    throw new Error(`It threw: ${JSON.stringify(made)}`, { cause: error });
  });
  tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
  const fault = (what: string) => tally.faults.push(`${what}: ${JSON.stringify(made)} → ${text?.slice(0, 300)}`);
  if (status >= 500) fault(`status ${status}`);
  if (text?.includes(SECRET) === true) fault("another tenant's row");
  if (statement === undefined || tally.shapes.has(statement.text)) return;
  tally.shapes.add(statement.text);
  for (const what of await faultsOf(statement.text, catalog)) fault(`${what} in ${statement.text}`);
}

async function askMany(count: number, seed: number, tally: Tally): Promise<void> {
  const generator = new Generator(new Random(seed), catalog);
  let left = count;
  const work = async () => {
    while (left-- > 0 && tally.faults.length < 20) await askOne(generator, tally);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

test(
  `${REQUESTS} generated requests: no 500, no crash, no statement outside the allowed shapes, no other tenant's row, memory flat`,
  { timeout: 3_600_000 },
  async () => {
    const tally: Tally = { statuses: new Map(), faults: [], shapes: new Set() };
    // Caches of statements' names and the like fill first.
    await askMany(Math.ceil(REQUESTS / 4), SEED, tally);
    tally.shapes.clear();
    const before = heapUsed();
    await askMany(REQUESTS - Math.ceil(REQUESTS / 4), SEED + 1, tally);
    const shapes = tally.shapes.size;
    tally.shapes.clear();
    const after = heapUsed();
    const statuses = [...tally.statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
    console.log(
      `seed ${SEED}, ${shapes} statements, heap ${before.toFixed(1)} → ${after.toFixed(1)} MB; ${statuses.join(", ")}`,
    );
    expect(tally.faults).toEqual([]);
    expect([...tally.statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
    expect(after - before).toBeLessThan(30);
  },
);
