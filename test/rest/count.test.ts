import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contentRange, rangeStatus, readTotal } from "../../src/rest/response/content-range.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { SETTINGS } from "./fixture.ts";
import { client, readCatalog, type Client } from "./served.ts";

let db: TestDatabase;
let acme: Client;
/** Counts no further than ten where it may stop. */
let capped: Client;
/** Shows no more than two rows. */
let limited: Client;
let all = 0;
beforeAll(async () => {
  db = await testDatabase();
  const catalog = await readCatalog(db);
  acme = await client(db, "acme", catalog);
  capped = await client(db, "acme", catalog, {}, { ...SETTINGS, countLimit: 10 });
  limited = await client(db, "acme", catalog, { maxRows: 2 }, { ...SETTINGS, countLimit: 10 });
  const { rows } = await db.admin.query<{ n: number }>(
    "select count(*)::int as n from app.customers where tenant_id = $1",
    [acme.tenantId],
  );
  all = rows[0]!.n;
});
afterAll(() => db?.close());

const ask = async (speak: Client, query: string, count?: string, method = "GET") => {
  const headers: Record<string, string> = count === undefined ? {} : { prefer: `count=${count}` };
  const answer = await speak(method, `/customers?select=id&order=id${query}`, { headers });
  return [answer.status, answer.headers["content-range"]];
};

describe("what a page says of all rows", () => {
  test("nothing, unless that is asked for", async () => {
    expect(all).toBeGreaterThan(20);
    expect(await ask(acme, "")).toEqual([200, `0-${all - 1}/*`]);
    expect(await ask(acme, "&limit=3&offset=2")).toEqual([200, "2-4/*"]);
    expect(await ask(acme, "&limit=0")).toEqual([200, "*/*"]);
    expect(await ask(acme, "&id=is.null")).toEqual([200, "*/*"]);
    expect(await ask(acme, `&offset=${all + 5}`)).toEqual([200, "*/*"]);
  });

  test("exactly: 206 for a part, 416 past the end", async () => {
    expect(await ask(acme, "", "exact")).toEqual([200, `0-${all - 1}/${all}`]);
    expect(await ask(acme, "&limit=3", "exact")).toEqual([206, `0-2/${all}`]);
    expect(await ask(acme, "&limit=3&offset=1", "exact", "HEAD")).toEqual([206, `1-3/${all}`]);
    expect(await ask(acme, "&limit=0", "exact")).toEqual([206, `*/${all}`]);
    expect(await ask(acme, "&id=is.null", "exact")).toEqual([200, "*/0"]);
    expect(await ask(acme, `&offset=${all}`, "exact")).toEqual([206, `*/${all}`]);
    const past = await acme("GET", `/customers?offset=${all + 1}`, { headers: { prefer: "count=exact" } });
    expect([past.status, past.headers["content-range"], past.json]).toEqual([
      416,
      `*/${all}`,
      {
        code: "PGRST103",
        message: "Requested range not satisfiable",
        details: `An offset of ${all + 1} was requested, but there are only ${all} rows.`,
        hint: null,
      },
    ]);
    expect(past.headers["content-type"]).toBe("application/json; charset=utf-8");
  });

  test("the rows of a table, where an answer's row stands for several", async () => {
    const aggregating = await client(db, "acme", await readCatalog(db), {}, { ...SETTINGS, aggregates: true });
    const { headers, json } = await aggregating("GET", "/customers?select=count()", {
      headers: { prefer: "count=exact" },
    });
    expect([json, headers["content-range"]]).toEqual([[{ count: all }], `0-0/${all}`]);
  });
});

describe.each(["planned", "estimated"])("count=%s counts, up to a limit, and never asks the planner", (count) => {
  test("below the limit it is exact", async () => {
    expect(await ask(acme, "&limit=3", count)).toEqual([206, `0-2/${all}`]);
    expect(await ask(capped, "&limit=5&id=is.null", count)).toEqual([200, "*/0"]);
    const { statement } = await capped("GET", "/customers?limit=1", { headers: { prefer: `count=${count}` } });
    expect(statement?.text).toContain("limit 11) c)");
    expect(statement?.text).not.toMatch(/explain/i);
  });

  test("above it there are at least that many, and those that were seen", async () => {
    expect(await ask(capped, "&limit=3", count)).toEqual([206, "0-2/10"]);
    expect(await ask(capped, "&limit=3&offset=15", count)).toEqual([206, "15-17/18"]);
    // Where the end is not known, nothing is past it.
    expect(await ask(capped, `&offset=${all + 5}`, count)).toEqual([206, "*/10"]);
  });

  test("another tenant's rows count for nothing", async () => {
    await db.admin.query("analyze app.customers");
    const initech = await client(db, "initech", await readCatalog(db));
    const { rows } = await db.admin.query<{ n: number }>(
      "select count(*)::int as n from app.customers where tenant_id = $1",
      [initech.tenantId],
    );
    expect((await ask(initech, "", count))[1]).toBe(`0-${rows[0]!.n - 1}/${rows[0]!.n}`);
  });
});

describe("the most rows of an answer", () => {
  test("hold whatever is asked for, on every level, and are no total", async () => {
    expect(await ask(limited, "")).toEqual([200, "0-1/*"]);
    expect(await ask(limited, "&limit=1")).toEqual([200, "0-0/*"]);
    expect(await ask(limited, "&limit=100&offset=3", "exact")).toEqual([206, `3-4/${all}`]);
    expect(await ask(limited, "", "estimated", "HEAD")).toEqual([206, "0-1/10"]);
    const { json } = await limited("GET", "/customers?select=id,invoices(id)");
    for (const { invoices } of json as { invoices: unknown[] }[]) expect(invoices.length).toBeLessThanOrEqual(2);
  });

  test("do not hold back what a write answers", async () => {
    const body = [1, 2, 3].map((n) => ({ number: `N-${n}`, name: `New ${n}` }));
    const { status, json } = await limited("POST", "/customers?select=name", {
      body,
      headers: { prefer: "return=representation" },
    });
    expect([status, json]).toEqual([201, body.map(({ name }) => ({ name }))]);
  });
});

test("the parts of a range", () => {
  expect(readTotal(undefined, null, 0)).toBeNull();
  expect(readTotal("11", 10, 3)).toEqual({ rows: 10, isAtLeast: true });
  expect(readTotal("10", 10, 3)).toEqual({ rows: 10, isAtLeast: false });
  expect(contentRange(0, -1, null)).toBe("*/*");
  expect(rangeStatus(1, 0, { rows: 0, isAtLeast: false })).toBe(416);
});
