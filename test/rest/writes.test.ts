import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { client, codeOf, readCatalog, type Client } from "./served.ts";

let db: TestDatabase;
let acme: Client;
let globex: Client;

const TABLES = "app.things, app.parts, app.pairs, app.scraps, app.years";
const SHOW = { prefer: "return=representation" };
const MERGE = { prefer: "return=representation, resolution=merge-duplicates" };
const OBJECT = { accept: "application/vnd.pgrst.object+json" };

beforeAll(async () => {
  db = await testDatabase();
  await db.admin.query(await readFile(new URL("writes.sql", import.meta.url), "utf8"));
  const catalog = await readCatalog(db);
  acme = await client(db, "acme", catalog);
  globex = await client(db, "globex", catalog);
});
afterAll(() => db.close());

beforeEach(async () => {
  await db.admin.query(`truncate ${TABLES} restart identity`);
  for (const tenant of [acme, globex]) {
    await tenant("POST", "/things", { body: [1, 2, 3].map((id) => ({ id, name: `thing ${id}` })) });
    await tenant("POST", "/pairs", { body: { k1: 1, k2: "a", extra: 1 } });
    await tenant("POST", "/years", { body: { name: "one", year: 1999 } });
  }
});

const rows = async (tenant: Client, url: string) => (await tenant("GET", url)).json;

describe("JSON bodies", () => {
  test("of a json column keep their spaces, their digits and their equal keys", async () => {
    const body = '[{"id":9,"raw":{"a":1,  "a":1.10}, "size":1.50}]';
    expect((await acme("POST", "/things?select=raw,size", { body, headers: SHOW })).text).toBe(
      '[{"raw":{"a":1,  "a":1.10},"size":1.50}]',
    );
  });

  test.each([
    ["[]", 0],
    ["{}", 1],
    ["[{},{}]", 2],
    ["5", 0],
  ])("%s inserts %d rows of defaults", async (body, count) => {
    expect((await acme("POST", "/parts", { body })).status).toBe(201);
    expect(await rows(acme, "/parts?select=note")).toEqual(Array.from({ length: count }, () => ({ note: "none" })));
  });

  test("with columns rows may leave out some, which are null, or the default that was asked for", async () => {
    const said = { body: [{ id: 71, other: 1 }, { id: 72, note: "own" }, { note: null }] };
    const url = "/parts?columns=id,note&select=note";
    const asked = await acme("POST", url, { ...said, headers: { prefer: "missing=default, return=representation" } });
    expect(asked.json).toEqual([{ note: "none" }, { note: "own" }, { note: null }]);
    expect(asked.headers["preference-applied"]).toBe("missing=default, return=representation");
    const plain = await acme("POST", url, { body: [{ id: 73 }], headers: SHOW });
    expect(plain.json).toEqual([{ note: null }]);
    await acme("POST", "/things", { body: { id: 9, name: "changed" } });
    const changed = await acme("PATCH", "/parts?columns=note&select=note&note=eq.own", {
      body: {},
      headers: { prefer: "missing=default, return=representation" },
    });
    expect(changed.json).toEqual([{ note: "none" }]);
  });

  test.each([
    ["}{ x", "22P02"],
    ['{"id":1},{"id":2}', "22P02"],
    ['[{"id":1}, 333]', "22023"],
    ["7", "22023"],
  ])("with columns PostgreSQL judges %s", async (body, code) => {
    const answer = await acme("POST", "/parts?columns=id", { body });
    expect([answer.status, codeOf(answer)]).toEqual([400, code]);
  });

  test.each([
    ["", "Empty or invalid json"],
    ["}{ x", "Empty or invalid json"],
    ['[{"id":1},{"note":"a"}]', "All object keys must match"],
    ['[{"id":1},5]', "All object keys must match"],
    ["[5]", "All object keys must match"],
  ])("without columns %s is refused", async (body, message) => {
    for (const method of ["POST", "PATCH"]) {
      const answer = await acme(method, "/parts", { body });
      expect([answer.status, answer.json]).toEqual([400, { code: "PGRST102", message, details: null, hint: null }]);
    }
  });

  test("a column that is not there, the first by name", async () => {
    const answer = await acme("POST", "/parts", { body: { zebra: 1, ant: 1, note: "" } });
    expect([answer.status, answer.json]).toEqual([
      400,
      {
        code: "PGRST204",
        message: "Could not find the 'ant' column of 'parts' in the schema cache",
        details: null,
        hint: null,
      },
    ]);
    expect(codeOf(await acme("PATCH", "/parts?columns=ant", { body: {} }))).toBe("PGRST204");
    expect(codeOf(await acme("POST", "/scraps", { body: { tenant_row_id: acme.tenantId } }))).toBe("PGRST204");
    expect(codeOf(await acme("POST", "/nosuch?columns=ant", { body: {} }))).toBe("PGRST205");
  });

  test.each(["/parts", "/parts?columns=note"])("tenant_id is refused in the body of %s", async (url) => {
    for (const body of [{ tenant_id: globex.tenantId }, [{ note: "" }, { tenant_id: "" }]]) {
      expect(codeOf(await acme("POST", url, { body }))).toMatch(/^RH111|PGRST102$/);
    }
    expect(codeOf(await acme("POST", "/parts?columns=tenant_id", { body: {} }))).toBe("RH111");
    expect(codeOf(await acme("POST", "/parts?on_conflict=tenant_id", { body: {}, headers: MERGE }))).toBe("RH111");
  });

  test("columns take their length, and domains their representation", async () => {
    const body = { id: 9, flags: "10101", shade: "ff" };
    const made = await acme("POST", "/things?select=flags,shade", { body, headers: SHOW });
    expect([made.status, made.json]).toEqual([201, [{ flags: "10101", shade: "ff" }]]);
    const url = "/things?id=eq.9&columns=shade,flags&select=flags,shade";
    const changed = await acme("PATCH", url, { body: { shade: "a" }, headers: SHOW });
    expect(changed.json).toEqual([{ flags: null, shade: "a" }]);
    const missing = await acme("POST", "/things?columns=id,shade&select=shade", {
      body: [{ id: 10 }, { id: 11, shade: "1" }],
      headers: { prefer: "missing=default, return=representation" },
    });
    expect(missing.json).toEqual([{ shade: null }, { shade: "1" }]);
  });

  test("what only the database writes is refused by the database", async () => {
    const answer = await acme("POST", "/things", { body: { id: 9, loud: "X" } });
    expect([answer.status, answer.json]).toMatchObject([
      400,
      { code: "428C9", message: 'cannot insert a non-DEFAULT value into column "loud"' },
    ]);
  });
});

describe("other bodies", () => {
  const csv = (body: string, said = {}) =>
    acme("POST", "/scraps?order=a", { body, headers: { "content-type": "text/csv", ...SHOW, ...said } });

  test("CSV, and back again", async () => {
    const body = 'a,b\n1,NULL\r\n\n2,"x, ""y""\nz"\n';
    expect((await csv(body)).json).toEqual([
      { a: "1", b: null },
      { a: "2", b: 'x, "y"\nz' },
    ]);
    const back = await csv("a,b\nbar,baz", { accept: "text/csv" });
    expect([back.status, back.text]).toEqual([201, "a,b\nbar,baz"]);
  });

  test("CSV whose lines differ", async () => {
    expect((await csv("a,b\nfoo,bar\nbaz")).json).toEqual({
      code: "PGRST102",
      message: "All lines must have same number of fields",
      details: null,
      hint: null,
    });
  });

  test("a form", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded", ...SHOW };
    const answer = await acme("POST", "/things?select=id,name,size", { body: "id=9&name=a+b%26c&size=1.5", headers });
    expect([answer.status, answer.json]).toEqual([201, [{ id: 9, name: "a b&c", size: 1.5 }]]);
  });

  test("a type that is not taken", async () => {
    const answer = await acme("POST", "/things", { body: "x", headers: { "content-type": "image/png" } });
    expect(answer.json).toMatchObject({ code: "PGRST102", message: "Content-Type not acceptable: image/png" });
  });
});

describe("upserts", () => {
  test("say 200 when all rows were there, 201 when one was not", async () => {
    const upsert = async (...ids: number[]) => {
      const body = ids.map((id) => ({ id, name: `merged ${id}` }));
      const { status, headers } = await acme("POST", "/things", { body, headers: MERGE });
      return [status, headers["preference-applied"]];
    };
    const applied = "resolution=merge-duplicates, return=representation";
    expect(await upsert(1, 2)).toEqual([200, applied]);
    expect(await upsert(1, 4)).toEqual([201, applied]);
    expect(await upsert()).toEqual([200, applied]);
    expect(await rows(globex, "/things?select=name&id=eq.1")).toEqual([{ name: "thing 1" }]);
  });

  test.each([
    ["/years", [{ name: "one", year: 1999, note: "n" }], 200],
    [
      "/years",
      [
        { name: "one", year: 1999 },
        { name: "one", year: 2001 },
      ],
      201,
    ],
    ["/named", [{ id: 1, name: "seen" }], 200],
    ["/named?on_conflict=name", [{ id: 7, name: "thing 1" }], 200],
    [
      "/named",
      [
        { id: 1, name: "seen" },
        { id: 8, name: "new" },
      ],
      201,
    ],
    ["/pairs", [{ k1: 1, k2: "a", extra: 9 }], 200],
    ["/things?on_conflict=name", [{ id: 77, name: "thing 3" }], 200],
  ])("%s %j", async (url, body, status) => {
    const silent = { prefer: "resolution=merge-duplicates" };
    expect(await acme("POST", url, { body, headers: silent })).toMatchObject({ status, text: null });
    expect((await globex("POST", url, { body, headers: MERGE })).status).toBe(status);
  });

  test("ignored duplicates are neither changed nor shown", async () => {
    const headers = { prefer: "return=representation, resolution=ignore-duplicates" };
    const body = [
      { k1: 1, k2: "a", extra: 5 },
      { k1: 1, k2: "b", extra: 5 },
    ];
    const answer = await acme("POST", "/pairs", { body, headers });
    expect([answer.status, answer.json]).toEqual([201, [{ k2: "b", k1: 1, extra: 5 }]]);
  });

  test("a table without a key has nothing to conflict in", async () => {
    const answer = await acme("POST", "/scraps", { body: { a: "1", b: null }, headers: MERGE });
    expect([answer.status, answer.json]).toEqual([201, [{ a: "1", b: null }]]);
    expect(answer.headers["preference-applied"]).toBe("return=representation");
  });

  test("identity columns have their default; a row that brings its own draws a number too, as in PostgREST", async () => {
    await acme("POST", "/parts", { body: { id: 1, note: "old" } });
    const headers = { prefer: `${MERGE.prefer}, missing=default` };
    const body = [{ id: 1, note: "updated" }, { note: "new" }];
    await db.admin.query("alter sequence app.parts_id_seq restart 10");
    const answer = await acme("POST", "/parts?columns=id,note", { body, headers });
    expect([answer.status, answer.json]).toMatchObject([
      201,
      [
        { id: 1, note: "updated" },
        { id: 11, note: "new" },
      ],
    ]);
  });

  test("what is not a key", async () => {
    const body = { id: 1, name: "x" };
    const unknown = await acme("POST", "/things?on_conflict=nam", { body, headers: MERGE });
    expect([unknown.status, unknown.json]).toEqual([
      400,
      {
        code: "42703",
        message: 'column "nam" does not exist',
        details: null,
        hint: 'Perhaps you meant to reference the column "things.name".',
      },
    ]);
    expect(codeOf(await acme("POST", "/things?on_conflict=size", { body, headers: MERGE }))).toBe("42P10");
    expect((await acme("POST", "/things?on_conflict=nam", { body: { id: 9 } })).status).toBe(201);
  });
});

describe("PUT", () => {
  const row = { id: 1, name: "put" };

  test("changes the one row, or makes it", async () => {
    const there = await acme("PUT", "/things?id=eq.1&select=name", { body: row, headers: SHOW });
    expect([there.status, there.json]).toEqual([200, [{ name: "put" }]]);
    expect(there.headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "preference-applied": "return=representation",
    });
    const made = await acme("PUT", "/things?id=eq.9", { body: [{ id: 9, name: "made" }], headers: SHOW });
    expect(made.status).toBe(201);
    expect(await acme("PUT", "/things?id=eq.9", { body: { id: 9, name: "x" } })).toMatchObject({
      status: 204,
      headers: {},
    });
    expect(await rows(globex, "/things?select=name&id=eq.1")).toEqual([{ name: "thing 1" }]);
  });

  test.each([
    ["/pairs?k1=eq.1&k2=eq.a", { k1: 1, k2: "a", extra: 2 }, 200],
    ["/pairs?k1=eq.1&k2=eq.z", { k1: 1, k2: "z", extra: 2 }, 201],
    ["/years?name=eq.one&year=eq.1999", { name: "one", year: 1999 }, 200],
    ["/years?name=eq.two&year=eq.2002", { name: "two", year: 2002 }, 201],
    ["/things?id=eq.1", [row, { id: 2, name: "other" }], 200],
    ["/things?id=eq.1&columns=nosuch", row, 200],
    ["/named?id=eq.1", row, 200],
  ])("%s %j", async (url, body, status) => {
    const answer = await acme("PUT", url, { body, headers: { ...SHOW, ...OBJECT } });
    expect([answer.status, answer.json]).toEqual([status, expect.objectContaining(Array.isArray(body) ? row : body)]);
  });

  test.each([
    "/things",
    "/things?name=eq.x",
    "/things?id=eq.1&name=eq.x",
    "/things?id=not.eq.1",
    "/things?id=eq(any).{1}",
    "/things?id=in.(1)",
    "/things?and=(id.eq.1)",
    "/things?nosuch=eq.1",
    "/pairs?k1=eq.1",
    "/scraps?a=eq.1&b=eq.2",
    "/scraps",
  ])("%s does not name one row", async (url) => {
    const answer = await acme("PUT", url, { body: row });
    expect([answer.status, answer.json]).toEqual([
      405,
      {
        code: "PGRST105",
        message: "Filters must include all and only primary key columns with 'eq' operators",
        details: null,
        hint: null,
      },
    ]);
  });

  test.each([{ id: 2, name: "x" }, { name: "x" }, { id: null }, {}, []])("%j is another row", async (body) => {
    const answer = await acme("PUT", "/things?id=eq.1", { body });
    expect([answer.status, answer.json]).toEqual([
      400,
      {
        code: "PGRST115",
        message: "Payload values do not match URL in primary key column(s)",
        details: null,
        hint: null,
      },
    ]);
    expect(await rows(acme, "/things?select=id")).toHaveLength(3);
  });

  test.each(["limit=1", "offset=1", "limit=0"])("with %s", async (range) => {
    const answer = await acme("PUT", `/things?id=eq.1&${range}`, { body: row });
    expect([answer.status, answer.json]).toEqual([
      400,
      {
        code: "PGRST114",
        message: "limit/offset querystring parameters are not allowed for PUT",
        details: null,
        hint: null,
      },
    ]);
  });
});

describe("what is told of a write", () => {
  const made = { id: 9, name: "it's (a) b" };

  test.each([
    ["POST", "/things", { body: made }, [201, { "content-range": "*/*" }]],
    ["PATCH", "/things?id=lt.3", { body: { size: 1 } }, [204, { "content-range": "0-1/*" }]],
    ["PATCH", "/things?id=lt.0", { body: { size: 1 } }, [204, { "content-range": "*/*" }]],
    ["PATCH", "/things", { body: {} }, [204, { "content-range": "*/*" }]],
    ["PATCH", "/things?limit=1&order=id", { body: [{ size: 1 }, { size: 2 }] }, [204, { "content-range": "0-2/*" }]],
    ["DELETE", "/things?id=lt.3&limit=1", { body: "no json" }, [204, { "content-range": "*/*" }]],
  ] as const)("%s %s", async (method, url, said, [status, headers]) => {
    expect(await acme(method, url, said)).toMatchObject({ status, headers, text: null });
  });

  test("count=exact says how many", async () => {
    const range = async (method: string, url: string, body?: unknown, prefer = "count=exact") =>
      (await acme(method, url, { body, headers: { prefer } })).headers["content-range"];
    expect(await range("POST", "/things", [made, { id: 10, name: "b" }])).toBe("*/2");
    expect(await range("PATCH", "/things?id=gt.8", { size: 1 })).toBe("0-1/2");
    expect(await range("PATCH", "/things?id=gt.80", { size: 1 })).toBe("*/0");
    expect(await range("PATCH", "/things?id=gt.8", { size: 1 }, "count=estimated")).toBe("0-1/2");
    expect(await range("PATCH", "/things?id=gt.8", { size: 1 }, "count=planned")).toBe("0-1/*");
    expect(await range("DELETE", "/things?id=gt.8")).toBe("*/2");
  });

  test.each([
    ["/things", made, "/rest/v1/things?id=eq.9"],
    ["/things?select=name", made, "/rest/v1/things?id=eq.9"],
    ["/pairs", { k1: 2, k2: "R & b('!)*" }, "/rest/v1/pairs?k1=eq.2&k2=eq.R%20%26%20b%28%27%21%29%2A"],
    ["/years", { name: "x", year: 2001 }, "/rest/v1/years?name=eq.x&year=eq.2001"],
    ["/named", { id: 12, name: "v" }, "/rest/v1/named?id=eq.12"],
    ["/scraps", { a: "1" }, undefined],
    ["/things", [made, { id: 10, name: "b" }], undefined],
  ])("where %s %j is", async (url, body, location) => {
    const answer = await acme("POST", url, { body, headers: { prefer: "return=headers-only" } });
    expect([answer.status, answer.text, answer.headers["location"]]).toEqual([201, null, location]);
    expect(answer.headers["preference-applied"]).toBe("return=headers-only");
  });

  test("the rows, with what belongs to them, as select has it", async () => {
    await acme("POST", "/parts", {
      body: [
        { id: 1, thing_id: 1 },
        { id: 2, thing_id: 2 },
      ],
    });
    const url = "/things?id=lt.3&order=id.desc&select=n:name::text,label,parts(id)&parts.id=lt.2&parts.limit=0";
    const answer = await acme("PATCH", url, { body: { size: 1 }, headers: SHOW });
    expect(answer.json).toEqual([
      { n: "thing 2", label: "#2 thing 2", parts: [] },
      { n: "thing 1", label: "#1 thing 1", parts: [{ id: 1 }] },
    ]);
    const inner = await acme("PATCH", "/things?select=id,parts!inner(id)&parts.id=eq.2", {
      body: { size: 2 },
      headers: SHOW,
    });
    expect([inner.json, inner.headers["content-range"]]).toEqual([[{ id: 2, parts: [{ id: 2 }] }], "0-0/*"]);
    const gone = await acme("DELETE", "/parts?id=eq.1&select=id,things(label)", { headers: SHOW });
    expect(gone.json).toEqual([{ id: 1, things: { label: "#1 thing 1" } }]);
    const nothing = await acme("PATCH", "/things?select=id,label,parts(id)", { body: {}, headers: SHOW });
    expect([nothing.status, nothing.json]).toEqual([200, []]);
  });

  test("without representation what select names is not asked for, embeds are", async () => {
    expect((await acme("PATCH", "/things?select=nosuch&order=nosuch", { body: { size: 1 } })).status).toBe(204);
    expect(codeOf(await acme("PATCH", "/things?select=pairs(*)", { body: { size: 1 } }))).toBe("PGRST200");
    expect(codeOf(await acme("PATCH", "/things?parts.id=eq.1", { body: { size: 1 } }))).toBe("PGRST108");
    expect(codeOf(await acme("PATCH", "/things?nosuch=eq.1", { body: { size: 1 } }))).toBe("42703");
    expect((await acme("POST", "/things?nosuch=eq.1", { body: { id: 9 } })).status).toBe(201);
  });

  test("as a media type that an aggregate of the app makes of them", async () => {
    const accept = "text/x-names";
    const changed = await acme("PATCH", "/things?id=lt.3&order=id.desc", {
      body: { size: 1 },
      headers: { ...SHOW, accept },
    });
    expect([changed.status, changed.text]).toEqual([200, "names:thing 2;thing 1;"]);
    const made = await acme("POST", "/things", { body: [], headers: { ...SHOW, accept } });
    expect([made.status, made.text]).toEqual([201, "names:"]);
  });

  test("its plan, where that is allowed, without doing it", async () => {
    const planner = await client(db, "acme", await readCatalog(db), {}, { plans: true });
    const headers = { accept: "application/vnd.pgrst.plan+json" };
    const answer = await planner("POST", "/things", { body: { id: 9 }, headers });
    expect([answer.status, answer.json]).toEqual([200, [expect.objectContaining({ Plan: expect.anything() })]]);
    expect(await rows(acme, "/things?id=eq.9")).toEqual([]);
  });

  test("whole row and computed column of another tenant's twin stay apart", async () => {
    const answer = await globex("DELETE", "/things?id=eq.1&select=label", { headers: SHOW });
    expect(answer.json).toEqual([{ label: "#1 thing 1" }]);
    expect(await rows(acme, "/things?id=eq.1&select=id")).toEqual([{ id: 1 }]);
  });
});

describe("how many rows", () => {
  test.each([
    ["POST", "/things", [{ id: 20 }, { id: 21 }], 2],
    ["POST", "/things", [], 0],
    ["PATCH", "/things", { size: 5 }, 3],
    ["PATCH", "/things?id=lt.0", { size: 5 }, 0],
    ["DELETE", "/things", undefined, 3],
  ])("%s %s %j is not one", async (method, url, body, count) => {
    for (const prefer of ["return=representation", "return=minimal"]) {
      const answer = await acme(method, url, { body, headers: { ...OBJECT, prefer } });
      const details = `The result contains ${count} rows`;
      const message = "Cannot coerce the result to a single JSON object";
      expect([answer.status, answer.json]).toEqual([406, { code: "PGRST116", message, details, hint: null }]);
    }
    expect(await rows(acme, "/things?size=is.null&select=id")).toHaveLength(3);
  });

  test("one", async () => {
    const shown = await acme("PATCH", "/things?id=eq.1&select=id", {
      body: { size: 1 },
      headers: { ...OBJECT, ...SHOW },
    });
    expect([shown.status, shown.text]).toEqual([200, '{"id":1}']);
    expect((await acme("DELETE", "/things?id=eq.1", { headers: OBJECT })).status).toBe(204);
  });

  test("max-affected counts what is changed, not what is shown", async () => {
    const strict = (most: number, more = "") => ({ prefer: `handling=strict, max-affected=${most}${more}` });
    const refused = await acme("PATCH", "/things?select=id,parts!inner(id)", {
      body: { size: 5 },
      headers: strict(2, ", return=representation"),
    });
    expect([refused.status, refused.json]).toEqual([
      400,
      {
        code: "PGRST124",
        message: "Query result exceeds max-affected preference constraint",
        details: "The query affects 3 rows",
        hint: null,
      },
    ]);
    expect(codeOf(await acme("DELETE", "/things", { headers: strict(2) }))).toBe("PGRST124");
    const kept = await acme("DELETE", "/things", { headers: strict(3) });
    expect([kept.status, kept.headers["preference-applied"]]).toEqual([204, "handling=strict, max-affected=3"]);
    const inserted = await acme("POST", "/things", { body: [{ id: 1 }, { id: 2 }], headers: strict(1) });
    expect([inserted.status, inserted.headers["preference-applied"]]).toEqual([201, "handling=strict"]);
    const lenient = await acme("DELETE", "/things", { headers: { prefer: "handling=lenient, max-affected=1" } });
    expect([lenient.status, lenient.headers["preference-applied"]]).toEqual([204, "handling=lenient"]);
  });

  test("preferences are refused after everything else", async () => {
    const headers = { prefer: "handling=strict, nonsense" };
    expect(codeOf(await acme("POST", "/things", { body: { ant: 1 }, headers }))).toBe("PGRST204");
    expect(codeOf(await acme("POST", "/things", { body: { id: 5 }, headers }))).toBe("PGRST122");
  });
});

describe("views", () => {
  test("that PostgreSQL can write through", async () => {
    const made = await acme("POST", "/named?select=id,name", { body: { id: 30, name: "v" }, headers: SHOW });
    expect([made.status, made.json]).toEqual([201, [{ id: 30, name: "v" }]]);
    expect((await acme("PATCH", "/bare?id=eq.30", { body: { name: "w" } })).headers["content-range"]).toBe("0-0/*");
    expect((await acme("DELETE", "/bare?id=eq.30", { headers: SHOW })).json).toEqual([{ id: 30, name: "w" }]);
    expect(await rows(globex, "/bare?id=eq.30")).toEqual([]);
  });

  test("with a trigger of their own", async () => {
    const made = await acme("POST", "/wrapped", { body: { id: 31, name: "t!" }, headers: SHOW });
    expect([made.status, made.json]).toEqual([201, [{ id: 31, name: "t!" }]]);
    expect(await rows(acme, "/things?id=eq.31&select=name")).toEqual([{ name: "t" }]);
  });

  test("an upsert of no rows needs no key of them", async () => {
    const none = await acme("POST", "/bare", { body: [], headers: { prefer: `${MERGE.prefer}, ${SHOW.prefer}` } });
    expect([none.status, none.json]).toEqual([200, []]);
    const one = await acme("POST", "/bare", { body: [{ id: 1, name: "x" }], headers: MERGE });
    expect([one.status, codeOf(one)]).toEqual([400, "42P10"]);
  });

  test("that are only read", async () => {
    const answer = await acme("POST", "/sums", { body: { name: "x" } });
    expect([answer.status, codeOf(answer)]).toEqual([405, "RH109"]);
  });
});

test("no body makes the server fail, or another tenant's rows change", async () => {
  const before = await rows(globex, "/things?order=id");
  const names = fc.constantFrom(
    "id",
    "name",
    "raw",
    "data",
    "size",
    "at",
    "flags",
    "shade",
    "loud",
    "nosuch",
    "__proto__",
  );
  const odd = fc.constantFrom("NULL", "1", "\u0000", "\ud800", "infinity", "1e400", "10101", '"', "{", "a,b\n1");
  const given = fc.oneof(odd, fc.jsonValue({ maxDepth: 3 }), fc.integer());
  const row = fc.dictionary(names, given, { maxKeys: 4 });
  const json = fc.oneof(row, fc.array(row, { maxLength: 3 })).map((value) => JSON.stringify(value));
  const body = fc.oneof(json, odd, fc.string());
  const type = fc.constantFrom("application/json", "text/csv", "application/x-www-form-urlencoded");
  const url = fc.constantFrom("/things", "/things?id=eq.1", "/things?columns=id,name,data", "/things?on_conflict=name");
  const prefer = fc.constantFrom("", "missing=default", "return=representation", "resolution=ignore-duplicates");
  const method = fc.constantFrom("POST", "PATCH", "PUT");
  const property = fc.asyncProperty(method, url, prefer, type, body, async (verb, path, wish, kind, text) => {
    const { status } = await acme(verb, path, { body: text, headers: { prefer: wish, "content-type": kind } });
    expect({ verb, path, wish, kind, text, isServers: status >= 500 }).toMatchObject({ isServers: false });
  });
  await fc.assert(property, { numRuns: 600 });
  expect(await rows(globex, "/things?order=id")).toEqual(before);
});
