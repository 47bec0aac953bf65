import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Served } from "../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { addFunctions } from "./call/database.ts";
import { caller, readServed, type Caller } from "./caller.ts";

let db: TestDatabase;
let served: Served;
let call: Caller;
/** Rows that acme has, and the whole table. */
let own: number;
let all: number;

beforeAll(async () => {
  db = await testDatabase();
  await addFunctions(db);
  served = await readServed(db);
  call = await caller(db, "acme", served);
  const { rows } = await db.admin.query<{ own: number; everyone: number }>(
    `select (count(*) filter (where tenant_id = $1))::int as own, count(*)::int as everyone from app.customers`,
    [(await db.tenant("acme")).id],
  );
  own = rows[0]!.own;
  all = rows[0]!.everyone;
});
afterAll(() => db.close());

const post = (url: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  call("POST", url, { body, headers });

describe("arguments", () => {
  test.each([
    ["in the query string", "GET", "/rpc/add_them?a=1&b=2", undefined, {}, 3],
    ["as JSON", "POST", "/rpc/add_them", { a: 1, b: 2 }, {}, 3],
    ["as JSON of which one is a string", "POST", "/rpc/add_them", { a: "1", b: 2 }, {}, 3],
    [
      "the first object of a list",
      "POST",
      "/rpc/add_them",
      [
        { a: 1, b: 2 },
        { a: 4, b: 6 },
      ],
      {},
      3,
    ],
    ["the keys that columns names", "POST", "/rpc/add_them?columns=a,b", { a: 1, b: 2, c: 9, tenant_id: 4 }, {}, 3],
    ["a form", "POST", "/rpc/add_them", "a=1&b=2", { "content-type": "application/x-www-form-urlencoded" }, 3],
    ["CSV", "POST", "/rpc/add_them", "a,b\n1,2\n5,6", { "content-type": "text/csv" }, 3],
    ["defaults", "GET", "/rpc/greet", undefined, {}, "Hello, you"],
    ["an empty body", "POST", "/rpc/greet", "", {}, "Hello, you"],
    ["the last of two", "GET", "/rpc/greet?name=a&name=b", undefined, {}, "Hello, b"],
    ["an empty one", "GET", "/rpc/greet?name=", undefined, {}, "Hello, "],
    ["one with dots that are no operator", "GET", "/rpc/greet?name=eqx.3", undefined, {}, "Hello, eqx.3"],
    ["no variadic ones", "GET", "/rpc/all_of", undefined, {}, []],
    ["one variadic", "GET", "/rpc/all_of?words=a,b", undefined, {}, ["a,b"]],
    ["several variadic ones", "GET", '/rpc/all_of?words=a&words={b}&words="c', undefined, {}, ["a", "{b}", '"c']],
    ["variadic ones in JSON", "POST", "/rpc/all_of", { words: ["a", "b"] }, {}, ["a", "b"]],
    ["variadic ones beside others", "GET", "/rpc/tagged?name=x&name=y&words=z", undefined, {}, "y"],
    [
      "variadic ones in a form",
      "POST",
      "/rpc/all_of",
      "words=a&words=b",
      { "content-type": "application/x-www-form-urlencoded" },
      ["a", "b"],
    ],
    [
      "an array and an enum",
      "GET",
      "/rpc/mood_of?mood=good&at_least={1,2}",
      undefined,
      {},
      { mood: "good", list: [1, 2] },
    ],
    ["quoted names", "GET", '/rpc/Odd%20Name?"The%20Argument"=x', undefined, {}, "x"],
    ["names that need no quotes", "GET", "/rpc/Odd%20Name?The%20Argument=x", undefined, {}, "x"],
    ["characters of any length", "GET", "/rpc/fixed?value=abcdef&bits=10101", undefined, {}, "abcdef10101"],
    ["characters of any length in JSON", "POST", "/rpc/fixed", { value: "abcdef", bits: "10101" }, {}, "abcdef10101"],
  ])("%s", async (_name, method, url, body, headers, expected) => {
    const { status, json } = await call(method, url, { body, headers });
    expect({ status, json }).toEqual({ status: 200, json: expected });
  });

  test("an unnamed parameter takes the whole body, by its media type", async () => {
    expect((await post("/rpc/echo_json", '{"A": 1,  "B":[2]}')).text).toBe('{"A": 1,  "B":[2]}');
    expect((await post("/rpc/echo_text", "free text", { "content-type": "text/plain" })).json).toBe("free text");
    const bytes = { "content-type": "application/octet-stream" };
    expect((await post("/rpc/echo_bytes", "\u0001é", bytes)).json).toBe("01c3a9");
    expect((await post("/rpc/echo_bytes", "", bytes)).json).toBe("");
  });

  test("a value that begins with an operator is a filter, and has to be a good one", async () => {
    const below = await call("GET", "/rpc/customers_below?number=C-00004&number=gt.C-00001&select=number");
    expect(below.json).toEqual([{ number: "C-00002" }, { number: "C-00003" }]);
    const not = await call("GET", "/rpc/customers_below?number=C-00004&number=not.in.(C-00001,C-00003)&select=number");
    expect(not.json).toEqual([{ number: "C-00002" }]);
    expect(await call("GET", "/rpc/greet?name=in.x")).toMatchObject({ status: 400, json: { code: "PGRST100" } });
    expect(await post("/rpc/greet?name=x", { name: "x" })).toMatchObject({ status: 400, json: { code: "PGRST100" } });
  });

  test.each([
    ["sdfsdf", {}, "Empty or invalid json"],
    [[{ a: 1 }, { b: 2 }], {}, "All object keys must match"],
    ["x", { "content-type": "image/png" }, "Content-Type not acceptable: image/png"],
    [`{"a":${"[".repeat(200)}${"]".repeat(200)}}`, {}, "The body is nested too deep"],
  ])("a body that is none: %j", async (body, headers, message) => {
    expect(await post("/rpc/add_them", body, headers as Record<string, string>)).toMatchObject({
      status: 400,
      json: { code: "PGRST102", message },
    });
  });

  test("a value of another type is PostgreSQL's to refuse", async () => {
    expect(await call("GET", "/rpc/add_them?a=x&b=1")).toMatchObject({ status: 400, json: { code: "22P02" } });
  });
});

describe("overloads", () => {
  test.each([
    ["GET", "/rpc/add_them?a=1&b=2&c=3", undefined, {}, "123"],
    ["POST", "/rpc/over", {}, {}, 1],
    ["POST", "/rpc/over", { x: 1, y: 2 }, {}, 3],
    ["POST", "/rpc/over", { A: 1 }, {}, { A: 1 }],
    ["POST", "/rpc/over", "any text", { "content-type": "text/plain" }, "any text"],
    ["GET", "/rpc/over", undefined, { "content-type": "text/plain" }, 1],
    ["GET", "/rpc/same?arg=x&more=1", undefined, {}, 3],
  ])("%s %s %j", async (method, url, body, headers, expected) => {
    const { status, json } = await call(method, url, { body, headers: headers as Record<string, string> });
    expect({ status, json }).toEqual({ status: 200, json: expected });
  });

  test("two that fit are a choice for the client", async () => {
    expect(await call("GET", "/rpc/same?arg=x")).toMatchObject({
      status: 300,
      json: {
        code: "PGRST203",
        message:
          "Could not choose the best candidate function between: app.same(arg => integer), app.same(arg => text), app.same(arg => text, more => integer)",
        details: null,
        hint: "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
      },
    });
    expect((await post("/rpc/either", { A: 1 })).json).toMatchObject({
      message: "Could not choose the best candidate function between: app.either( => json), app.either( => jsonb)",
    });
  });

  test.each([
    ["GET", "/rpc/greeet", undefined, {}, "app.greeet without parameters", " without parameters", "app.greet"],
    ["GET", "/rpc/greet?nam=x", undefined, {}, "app.greet(nam)", " with parameter nam", "app.greet(name)"],
    [
      "GET",
      "/rpc/add_them?b=1&a=2&other=3",
      undefined,
      {},
      "app.add_them(a, b, other)",
      " with parameters a, b, other",
      "app.add_them(a, b, c)",
    ],
    [
      "GET",
      "/rpc/add_them?quite_other=3",
      undefined,
      {},
      "app.add_them(quite_other)",
      " with parameter quite_other",
      null,
    ],
    [
      "POST",
      "/rpc/squares",
      { x: 1, y: 2 },
      {},
      "app.squares(x, y)",
      " with parameters x, y or with a single unnamed json/jsonb parameter",
      null,
    ],
    [
      "POST",
      "/rpc/squares",
      "x",
      { "content-type": "text/plain" },
      "app.squares",
      " with a single unnamed text parameter",
      null,
    ],
    [
      "POST",
      "/rpc/squares",
      "x",
      { "content-type": "text/xml" },
      "app.squares",
      " with a single unnamed xml parameter",
      null,
    ],
    [
      "POST",
      "/rpc/squares",
      "x",
      { "content-type": "application/octet-stream" },
      "app.squares",
      " with a single unnamed bytea parameter",
      null,
    ],
    [
      "POST",
      "/rpc/over",
      "a,b\n1,2",
      { "content-type": "text/csv" },
      "app.over(a, b)",
      " with parameters a, b",
      "app.over(x, y)",
    ],
    ["GET", "/rpc/never", undefined, {}, "app.never without parameters", " without parameters", null],
  ])("none that fits: %s %s %j", async (method, url, body, headers, called, searched, near) => {
    const name = called.replace(/(\(| without).*/, "");
    expect(await call(method, url, { body, headers: headers as Record<string, string> })).toMatchObject({
      status: 404,
      json: {
        code: "PGRST202",
        message: `Could not find the function ${called} in the schema cache`,
        details: `Searched for the function ${name}${searched}, but no matches were found in the schema cache.`,
        hint: near === null ? null : `Perhaps you meant to call the function ${near}`,
      },
    });
  });
});

describe("results", () => {
  test.each([
    ["a null", "/rpc/no_value", null],
    ["a composite", "/rpc/origin", { x: 1, y: 2 }],
    ["OUT parameters", "/rpc/split?words=a%20b", { first: "a", last: "b" }],
    ["an INOUT parameter", "/rpc/next_of?n=2", { n: 3 }],
    ["a record", "/rpc/a_record", { id: 1, name: "one" }],
    ["a set of values", "/rpc/count_to?last=3", [1, 2, 3]],
    ["an empty set of values", "/rpc/count_to?last=0", []],
    [
      "a table",
      "/rpc/squares?last=2",
      [
        { n: 1, square: 1 },
        { n: 2, square: 4 },
      ],
    ],
    ["a table of one column", "/rpc/one_column", [{ a: "A" }]],
    [
      "part of a table",
      "/rpc/squares?last=4&select=area:square&n=gt.1&order=n.desc&limit=2",
      [{ area: 16 }, { area: 9 }],
    ],
    ["one row of a table", "/rpc/a_customer?select=number", { number: "C-00001" }],
    ["part of a composite", "/rpc/origin?select=y", { y: 2 }],
  ])("%s", async (_name, url, expected) => {
    expect((await call("GET", url)).json).toEqual(expected);
  });

  test("rows of a table embed what belongs to them", async () => {
    const url = "/rpc/active_customers?select=number,invoices(status)&invoices.limit=1&order=number&limit=1";
    expect((await call("GET", url)).json).toEqual([{ number: "C-00001", invoices: [{ status: expect.any(String) }] }]);
    const inner = await call(
      "GET",
      "/rpc/active_customers?select=number,invoices!inner()&invoices.number=eq.2024-00009",
    );
    expect(inner.json).toEqual([{ number: "C-00001" }]);
  });

  test("no row has tenant_id, and nobody may ask for it", async () => {
    const [row] = (await call("GET", "/rpc/active_customers?limit=1")).json as object[];
    expect(row).not.toHaveProperty("tenant_id");
    expect((await call("GET", "/rpc/active_customers?select=tenant_id")).status).toBe(400);
  });

  test("nothing: 204 without a content type", async () => {
    const { status, headers, body } = await post("/rpc/nothing");
    expect({ status, headers, body }).toEqual({ status: 204, headers: { "content-range": "0-0/*" }, body: null });
  });

  test("HEAD is GET without a body", async () => {
    expect(await call("HEAD", "/rpc/squares?last=3", { headers: { prefer: "count=exact" } })).toMatchObject({
      status: 200,
      headers: { "content-range": "0-2/3", "content-type": "application/json; charset=utf-8" },
      body: null,
    });
  });

  test.each([
    ["GET", "/rpc/count_to?last=5", {}, 200, "0-4/*"],
    ["GET", "/rpc/count_to?last=5", { range: "1-2" }, 200, "1-2/*"],
    ["GET", "/rpc/count_to?last=5", { range: "1-2", prefer: "count=exact" }, 206, "1-2/5"],
    ["HEAD", "/rpc/count_to?last=5", { range: "1-2", prefer: "count=exact" }, 200, "0-4/5"],
    ["GET", "/rpc/count_to?last=5&limit=2&offset=1", { prefer: "count=exact" }, 206, "1-2/5"],
    ["GET", "/rpc/count_to?last=5&limit=2", { prefer: "count=planned" }, 200, "0-1/*"],
    ["GET", "/rpc/count_to?last=5&offset=9", { prefer: "count=exact" }, 416, "*/5"],
    ["GET", "/rpc/count_to?last=0", {}, 200, "*/*"],
    ["GET", "/rpc/add_them?a=1&b=2", { prefer: "count=exact" }, 200, "0-0/1"],
    ["GET", "/rpc/origin", { prefer: "count=exact" }, 200, "0-0/1"],
  ])("%s %s with %j: %s %s", async (method, url, headers, status, range) => {
    const answer = await call(method, url, { headers: headers as Record<string, string> });
    expect({ status: answer.status, range: answer.headers["content-range"] }).toEqual({ status, range });
  });

  test("no more rows than the server gives of a table", async () => {
    const limited = await caller(db, "acme", served, {}, { maxRows: 2 });
    const { status, headers, json } = await limited("GET", "/rpc/count_to?last=5", {
      headers: { prefer: "count=exact" },
    });
    expect({ status, range: headers["content-range"], json }).toEqual({ status: 206, range: "0-1/5", json: [1, 2] });
  });

  test.each([
    ["text/csv", "/rpc/squares?last=2", "n,square\n1,1\n2,4", "text/csv; charset=utf-8"],
    ["text/html", "/rpc/page", expect.stringMatching(/^<h1>\d+<\/h1>$/), "text/html"],
    ["image/png", "/rpc/anything", "\u0000\ufffd", "application/octet-stream"],
    [
      "application/vnd.pgrst.object+json",
      "/rpc/one_column",
      '{"a":"A"}',
      "application/vnd.pgrst.object+json; charset=utf-8",
    ],
    [
      "application/vnd.pgrst.object+json",
      "/rpc/add_them?a=1&b=1",
      "2",
      "application/vnd.pgrst.object+json; charset=utf-8",
    ],
  ])("as %s: %s", async (accept, url, text, type) => {
    const answer = await call("GET", url, { headers: { accept } });
    expect({ status: answer.status, text: answer.text, type: answer.headers["content-type"] }).toEqual({
      status: 200,
      text,
      type,
    });
  });

  test.each(["/rpc/greet", "/rpc/page", "/rpc/squares?last=1"])("%s is not text/plain", async (url) => {
    expect(await call("GET", url, { headers: { accept: "text/plain" } })).toMatchObject({
      status: 406,
      json: { code: "PGRST107", message: "None of these media types are available: text/plain" },
    });
  });
});

describe("what a call may do", () => {
  const renamed = (suffix: string) =>
    call("GET", `/rpc/count_notes?suffix=${suffix}`).then(({ json }) => json as number);

  test("GET reads only: 405 for a function that writes", async () => {
    expect(await call("GET", "/rpc/rename_customers?suffix=got")).toMatchObject({
      status: 405,
      json: { code: "25006" },
    });
    expect(await renamed("got")).toBe(0);
  });

  test("a function that says it never writes can't", async () => {
    expect(await post("/rpc/note_stably")).toMatchObject({ json: { code: "0A000" } });
    expect((await post("/rpc/setting", { name: "transaction_read_only" })).json).toBe("on");
  });

  test("POST lets it write, once, in the tenant's own rows", async () => {
    const { json, status } = await post("/rpc/rename_customers?select=number,notes&limit=1", { suffix: "posted" });
    expect({ status, rows: (json as unknown[]).length }).toEqual({ status: 200, rows: 1 });
    const { rows } = await db.admin.query<{ tenants: number; changed: number }>(
      "select count(distinct tenant_id)::int as tenants, count(*)::int as changed from app.customers where notes = 'posted'",
    );
    expect(rows[0]).toEqual({ tenants: 1, changed: await renamed("posted") });
    expect(rows[0]!.changed).toBeGreaterThan(1);
  });

  test("one object is asked for, and there are more: nothing is written", async () => {
    const single = { accept: "application/vnd.pgrst.object+json" };
    expect(await post("/rpc/rename_customers", { suffix: "single" }, single)).toMatchObject({
      status: 406,
      json: { code: "PGRST116", details: expect.stringMatching(/^The result contains \d+ rows$/) },
    });
    expect(await renamed("single")).toBe(0);
  });

  test("max-affected counts the rows that come back, and undoes what is too much", async () => {
    const prefer = (n: number) => ({ prefer: `handling=strict, max-affected=${n}` });
    expect(await post("/rpc/rename_customers", { suffix: "many" }, prefer(2))).toMatchObject({
      status: 400,
      json: { code: "PGRST124", details: expect.stringMatching(/^The query affects \d+ rows$/) },
    });
    expect(await renamed("many")).toBe(0);
    const enough = await post("/rpc/rename_customers", { suffix: "many" }, prefer(100));
    expect(enough.headers["preference-applied"]).toBe("handling=strict, max-affected=100");
    expect(await post("/rpc/nothing", {}, prefer(2))).toMatchObject({
      status: 400,
      json: {
        code: "PGRST128",
        message: "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
        details: null,
      },
    });
    const lenient = await post("/rpc/nothing", {}, { prefer: "max-affected=0" });
    expect(lenient).toMatchObject({ status: 204 });
  });

  test("other methods", async () => {
    for (const method of ["PUT", "PATCH", "DELETE", "TRACE"]) {
      expect(await call(method, "/rpc/greet")).toMatchObject({
        status: 405,
        json: { code: "PGRST101", message: `Cannot use the ${method} method on RPC`, details: null, hint: null },
      });
    }
  });

  test.each([
    ["/rpc/greet", "OPTIONS,GET,HEAD,POST"],
    ["/rpc/add_them", "OPTIONS,GET,HEAD,POST"],
    ["/rpc/rename_customers", "OPTIONS,POST"],
  ])("OPTIONS %s: %s", async (url, allow) => {
    expect(await call("OPTIONS", url)).toMatchObject({ status: 200, headers: { allow }, body: null });
    expect((await call("OPTIONS", "/rpc/nosuch")).status).toBe(404);
  });

  test("preferences that are not understood are refused under strict handling", async () => {
    expect(await post("/rpc/greet", {}, { prefer: "handling=strict, anything" })).toMatchObject({
      status: 400,
      json: { code: "PGRST122", details: "Invalid preferences: anything" },
    });
    expect((await post("/rpc/greet", {}, { prefer: "handling=lenient, anything" })).status).toBe(200);
  });
});

describe("isolation", () => {
  test("a function reads the tenant's rows and no others", async () => {
    const { headers } = await call("HEAD", "/rpc/active_customers", { headers: { prefer: "count=exact" } });
    const total = Number(String(headers["content-range"]).split("/")[1]);
    expect(total).toBeLessThanOrEqual(own);
    const other = await caller(db, "globex", served);
    const theirs = await other("GET", "/rpc/active_customers?select=id&limit=1000");
    const ours = await call("GET", "/rpc/active_customers?select=id&limit=1000");
    const ids = new Set((ours.json as { id: string }[]).map(({ id }) => id));
    expect((theirs.json as { id: string }[]).filter(({ id }) => ids.has(id))).toEqual([]);
  });

  test("rows of others that a superuser's function gives away stay behind the second wall", async () => {
    expect(all).toBeGreaterThan(own);
    const { json, headers } = await call("GET", "/rpc/everybodys?select=id", { headers: { prefer: "count=exact" } });
    expect({ rows: (json as unknown[]).length, range: headers["content-range"] }).toEqual({
      rows: own,
      range: `0-${own - 1}/${own}`,
    });
  });

  test.each([
    ["/rpc/add_them?a=1&b=2);%20drop%20table%20app.customers;--", 400],
    ['/rpc/add_them"%20where%20true;--', 404],
    ["/rpc/greet?name=';%20select%201;--", 200],
    ['/rpc/Odd%20Name?"The%20Argument\\";%20--"=x', 404],
  ])("%s is a value or a name, never SQL", async (url, status) => {
    expect((await call("GET", url)).status).toBe(status);
    expect((await call("GET", "/customers?limit=1")).status).toBe(200);
  });
});

describe("a function in the root's place", () => {
  const rootOf = async (spec: string) => {
    const root = { spec, mode: "follow-privileges", tellsSecurity: false } as const;
    return caller(db, "acme", served, { root });
  };

  test("answers GET and HEAD, in its own media type where it has one", async () => {
    const greeting = await rootOf("app.greet");
    expect((await greeting("GET", "/")).json).toBe("Hello, you");
    expect(await greeting("HEAD", "/")).toMatchObject({ status: 200, text: "" });
    const page = await (await rootOf("app.page"))("GET", "/", { headers: { accept: "text/html" } });
    expect([page.headers["content-type"], page.text]).toEqual(["text/html", `<h1>${own}</h1>`]);
  });

  test("is one of a served schema", async () => {
    expect((await (await rootOf("extra.nowhere"))("GET", "/")).json).toMatchObject({ code: "PGRST202" });
    expect((await (await rootOf("platform.allowed_verbs"))("GET", "/")).json).toMatchObject({ code: "PGRST202" });
  });

  test("takes no other method", async () => {
    const greeting = await rootOf("app.greet");
    expect((await greeting("POST", "/", { body: {} })).json).toMatchObject({ code: "PGRST117" });
    expect((await greeting("OPTIONS", "/")).headers).toMatchObject({ allow: "OPTIONS,GET,HEAD" });
  });
});
