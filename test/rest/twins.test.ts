import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScoped } from "../../src/db/transaction.ts";
import { listTables, rowsQuery } from "../adopt/adopted.ts";
import { adoptedGuild } from "./guild/adopted.ts";
import { readKeyOrders, reverseKeyOrder } from "./guild/key-order.ts";
import { plainGuild, type Side, type Told } from "./guild/plain.ts";
import { describeRequest, readRequests, type GuildRequest } from "./guild/requests.ts";
import { MARK } from "./guild/twin.ts";

/** Where the two may differ, since isolation says so: nothing else does. */
const FORBIDDEN: readonly {
  readonly codes: readonly string[];
  readonly reason: string;
  readonly hide: (body: Refusal) => Refusal;
}[] = [
  {
    codes: ["23505", "23502", "23514"],
    reason: "PostgreSQL tells no values of a row to a role that row-level security holds: details are null",
    hide: (body) => ({ ...body, details: null }),
  },
  {
    codes: ["23503", "23001"],
    reason: "the same, of keys: `Key (id)=(5) is still referenced` becomes `Key is still referenced`",
    hide: (body) => ({ ...body, details: body.details?.replace(/^Key \(.*\)=\(.*\) is/, "Key is") ?? null }),
  },
];

/** A key of several columns that is MATCH FULL can't hold tenant_id, which is never null; adopt writes a CHECK that says the same. */
const ANSWERED_BY_A_CHECK = new Set(['PATCH /workshops?id=eq.1 {"hall_id":null}']);

interface Refusal {
  readonly code: string;
  readonly details: string | null;
}

const nameOf = ({ method, path, body }: GuildRequest) => `${method} ${path} ${body ?? ""}`.trim();

/** A key with the values that the request itself brought is told in full. */
const TOLD = /"details":"Key \([^"]*\)=\(/;

/** The answer as one text, but for what isolation forbids to tell: what `tells` not, which is the answer itself or its twin. */
function comparable({ status, headers, text }: Told, tells: string): string {
  const codeOf = headers["proxy-status"]?.split("=").at(-1) ?? "";
  const rule = TOLD.test(tells) ? undefined : FORBIDDEN.find(({ codes }) => codes.includes(codeOf));
  const body = rule === undefined || text === "" ? text : JSON.stringify(rule.hide(JSON.parse(text) as Refusal));
  return [
    status,
    ...Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}`)
      .toSorted(),
    "",
    body,
  ].join("\n");
}

const requests = await readRequests();

let plain: Side;
let adopted: Side;
beforeAll(async () => {
  [plain, adopted] = await Promise.all([plainGuild(), adoptedGuild()]);
  // So that an answer that hangs on the order differs at each run, and not once in many.
  await reverseKeyOrder(adopted.db.admin);
}, 600_000);
afterAll(() => Promise.all([plain.close(), adopted.close()]));

let keysTold = 0;
const files = [...new Set(requests.map(({ file }) => file))];

test("the corpus is large, and each request is in it once", () => {
  expect(requests.length).toBeGreaterThan(900);
  const names = requests.map((each) => describeRequest({ ...each, file: "" }));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

test("the newest foreign key of each adopted table is looked at first", async () => {
  const orders = await readKeyOrders(adopted.db.admin);
  expect(orders.length).toBeGreaterThan(20);
  for (const { fired, made } of orders) expect(fired).toEqual(made.toReversed());
});

const isComparable = (request: GuildRequest) => !ANSWERED_BY_A_CHECK.has(nameOf(request));

describe.each(files)("%s", (file) => {
  test("is answered byte for byte as without tenants, and tells nothing of the twin", async () => {
    for (const each of requests.filter((request) => request.file === file && isComparable(request))) {
      const [before, after] = [await plain.ask(each), await adopted.ask(each)];
      expect(after.text).not.toContain(MARK);
      // Only the refusal of a request that names it does.
      const told = each.path.includes("tenant_id") ? "" : after.text;
      expect(told).not.toContain("tenant_id");
      const name = describeRequest(each);
      expect(`${name}\n${comparable(after, after.text)}`).toBe(`${name}\n${comparable(before, after.text)}`);
      if (TOLD.test(after.text)) keysTold += 1;
    }
  });
});

test("keys were told by the values that requests brought", () => {
  expect(keysTold).toBeGreaterThan(4);
});

test("what a check says instead of a key is refused all the same", async () => {
  const asked = requests.filter((request) => !isComparable(request));
  expect(asked).toHaveLength(ANSWERED_BY_A_CHECK.size);
  for (const each of asked) {
    expect(await plain.ask(each)).toMatchObject({ status: 409 });
    expect(await adopted.ask(each)).toMatchObject({ status: 400 });
  }
});

const WRITES = /^(POST|PUT|PATCH|DELETE) /;

/** A time as PostgreSQL prints it, with as many digits of a second as it has. */
const TIME = /[\d-]{10} [\d:]{8}(\.\d{1,6})?\+00/g;
/** The data are older, or of another year. */
const START = Date.now() - 60_000;
/** What `default now()` wrote differs from one side to the other. */
const hideNow = (text: string) =>
  text.replaceAll(TIME, (time) => {
    const at = Date.parse(time.replace("+00", "Z"));
    return at >= START && at <= Date.now() + 60_000 ? "now" : time;
  });

/** Rows of every table as one tenant has them, or as they are where nobody has tenants. */
async function rowsOf({ db }: Side, slug?: string): Promise<unknown[]> {
  const tables = await listTables({ db }, ["guild"]);
  const rows: unknown[] = [];
  for (const table of tables) {
    const text = rowsQuery(table).replace(" as rows", "::text as rows");
    const found =
      slug === undefined
        ? (await db.admin.query<{ rows: string }>(text)).rows[0]!.rows
        : (await runScoped(db.api, await db.scope(slug), "read", [{ text, values: [] }]))[0]!.rows[0]![0];
    rows.push([table.identifier, hideNow(String(found))]);
  }
  return rows;
}

test("the writes of the corpus, one after the other and for good, leave the same rows; the twin's are as they were", async () => {
  const twin = await rowsOf(adopted, "globex");
  for (const each of requests.filter((request) => WRITES.test(nameOf(request)) && isComparable(request))) {
    const [one, other] = [await plain.change(each), await adopted.change(each)];
    const name = describeRequest(each);
    // Not the bodies: what nothing sorts comes as it lies on the disk, where changes have moved it.
    expect({ name, status: other.status }).toEqual({ name, status: one.status });
  }
  expect(await rowsOf(adopted, "acme")).toEqual(await rowsOf(plain));
  expect(await rowsOf(adopted, "globex")).toEqual(twin);
}, 600_000);
