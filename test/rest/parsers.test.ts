import fc from "fast-check";
import { parse } from "libpg-query";
import { describe, expect, test } from "vitest";
import { RowhouseError } from "../../src/errors.ts";
import { parseBody } from "../../src/rest/request/body.ts";
import { parseLogic } from "../../src/rest/request/logic.ts";
import { negotiateMedia } from "../../src/rest/request/media.ts";
import { parseOrder } from "../../src/rest/request/order.ts";
import { appliedPreferences, parsePreferences } from "../../src/rest/request/preferences.ts";
import { parseQuery } from "../../src/rest/request/request.ts";
import { parseSelect } from "../../src/rest/request/select.ts";
import { ask, CATALOG } from "./fixture.ts";

/** Either a value or a refusal with a code: anything else that is thrown fails the test. */
function settles<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof RowhouseError && error.status < 500) return undefined;
    if (error instanceof RowhouseError && error.kind === "featureUnsupported") return undefined;
    throw error;
  }
}

const columns = ["id", "name", "city", "tags", "settings", "credit", "tenant_id", "nosuch", '"odd,name"', "number"];
const piece = fc.constantFrom(
  ...columns,
  ...[
    "eq",
    "in",
    "like",
    "is",
    "not",
    "and",
    "or",
    "fts",
    "cs",
    "any",
    "all",
    "asc",
    "desc",
    "nullslast",
    "count",
    "null",
  ],
  ...'().,:!*%{}"\\ ->'.split(""),
  "->>",
  "::",
  "::text",
  "...",
  "customers",
  "invoices",
  "items",
  "x",
  "1",
  "é",
  "\0",
  "😀",
  "'",
  ";",
  "--",
);
/** Texts made of the grammar's own pieces come far further into a parser than random ones. */
const scrap = fc.array(piece, { maxLength: 24 }).map((parts) => parts.join(""));
const text = fc.oneof(scrap, fc.string({ unit: "binary", maxLength: 40 }));
const runs = { numRuns: 3000 };

describe("no input crashes", () => {
  test("select", () =>
    fc.assert(
      fc.property(text, (input) => void settles(() => parseSelect(input))),
      runs,
    ));
  test("order", () =>
    fc.assert(
      fc.property(text, (input) => void settles(() => parseOrder(input))),
      runs,
    ));
  test("logic", () =>
    fc.assert(
      fc.property(text, (input) => void settles(() => parseLogic(`(${input})`, "or", false))),
      runs,
    ));
  test("Accept", () =>
    fc.assert(
      fc.property(text, (input) => void settles(() => negotiateMedia(input))),
      runs,
    ));
  test("Prefer", () =>
    fc.assert(
      fc.property(text, (input) => void settles(() => parsePreferences(input))),
      runs,
    ));
  test("the query string", () =>
    fc.assert(
      fc.property(
        text,
        text,
        (key, value) =>
          void settles(() => parseQuery(`${key}=${value}&${encodeURIComponent(key)}=${encodeURIComponent(value)}`)),
      ),
      runs,
    ));
  test("the body", () =>
    fc.assert(
      fc.property(fc.oneof(fc.json(), text), (input) => {
        const read = settles(() => parseBody(Buffer.from(input), undefined, null, 1000));
        if (read !== undefined) expect(Array.isArray(JSON.parse(read.json))).toBe(true);
      }),
      runs,
    ));
  test("deep nesting", () => {
    for (const deep of ["a(".repeat(20_000), `(${"and(".repeat(20_000)}`, "[".repeat(20_000)]) {
      expect(() => parseSelect(deep)).toThrow(RowhouseError);
      expect(() => parseLogic(deep, "and", false)).toThrow(RowhouseError);
      expect(() => parseBody(Buffer.from(deep), undefined, null, 10)).toThrow(RowhouseError);
    }
    const bomb = `{"a":${"[".repeat(500_000)}${"]".repeat(500_000)}}`;
    expect(() => parseBody(Buffer.from(bomb), undefined, null, 10)).toThrow("nested too deep");
  });
});

const OWN = new Set(["t", "r", "v", "w", "j", "element", "written", "rowhouse is new", "excluded", "tenant_id", "app"]);
const KNOWN = new Set([...CATALOG.relations.values()].flatMap(({ name, columns: own }) => [name, ...own.keys()]));

/** Every name in the tree that refers to something: columns, tables, their aliases. Names that only label an answer are left out. */
function* references(node: unknown): Generator<string> {
  if (Array.isArray(node)) for (const each of node) yield* references(each);
  else if (typeof node === "object" && node !== null) {
    for (const [key, value] of Object.entries(node)) {
      if (key === "ColumnRef") {
        for (const field of (value as { fields: { String?: { sval: string } }[] }).fields)
          if (field.String) yield field.String.sval;
      } else if (key === "relname" || key === "schemaname" || key === "aliasname") yield String(value);
      else yield* references(value);
    }
  }
}

async function checkStatement(url: string, said = {}): Promise<boolean> {
  const asked = await ask(url, said).catch((error: unknown) => {
    if (error instanceof RowhouseError && (error.status < 500 || error.kind === "featureUnsupported")) return undefined;
    throw error;
  });
  if (asked === undefined) return false;
  const { text, values } = asked.statement;
  const tree = await parse(text);
  expect(tree.stmts).toHaveLength(1);
  for (const name of references(tree)) {
    expect(OWN.has(name) || KNOWN.has(name) || /^t\d+$/.test(name), `${name} in ${text}`).toBe(true);
  }
  for (let n = 1; n <= values.length; n += 1) expect(text).toContain(`$${n}`);
  return true;
}

const name = fc.constantFrom(
  "id",
  "name",
  "city",
  "tags",
  "settings",
  "credit",
  "settings->a->>b",
  "settings->0",
  "tags->1",
);
const value = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom("a", "1", "*", "a*", "'", "{a,b}", ";--", "$1"));
const operator = fc.constantFrom(
  "eq",
  "neq",
  "gt",
  "lte",
  "like",
  "ilike",
  "cs",
  "ov",
  "fts",
  "fts(dutch)",
  "isdistinct",
  "like(any)",
  "eq(all)",
  "not.eq",
);
const filter = fc
  .tuple(name, operator, value)
  .map(([column, op, given]) => `${encodeURIComponent(column)}=${op}.${encodeURIComponent(given)}`);
const alias = fc
  .oneof(fc.constantFrom("a", "e1", "t", "t0", "row", '"'), fc.string({ minLength: 1, maxLength: 8 }))
  .map((each) => `"${each.replaceAll(/["\\]/g, "\\$&")}"`);
const item = fc.oneof(
  name,
  fc.constant("*"),
  fc.tuple(alias, name).map(([as, column]) => `${as}:${column}`),
  name.map((column) => `${column}::text`),
);
const embed = fc
  .tuple(
    fc.constantFrom(
      "invoices",
      "notes",
      "a:invoices!inner",
      "invoices!customer_id",
      "b:invoices(id,items(quantity,products(*,labels(*)))),invoices",
    ),
    fc.constantFrom("*", "id", "", "*,customers(name)"),
  )
  .map(([rel, own]) => `${rel}(${own})`);
const select = fc
  .array(fc.oneof(item, embed), { maxLength: 5 })
  .map((items) => `select=${encodeURIComponent(items.join(","))}`);
const rest = fc.constantFrom(
  "",
  "limit=3",
  "offset=2&limit=1",
  "order=name.desc.nullslast,id",
  "or=(id.eq.1,not.and(name.is.null,city.in.(a,b)))",
  "invoices.order=number&invoices.limit=1",
);
const query = fc
  .tuple(select, fc.array(filter, { maxLength: 3 }), rest)
  .map(([first, filters, last]) => [first, ...filters, last].join("&"));

describe("what is accepted", () => {
  test("reads render to one statement of the catalog's names", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(query, async (each) => void (accepted += Number(await checkStatement(`/customers?${each}`)))),
      { numRuns: 1500 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  test("scraps of grammar render to one statement of the catalog's names", async () => {
    const scraps = fc
      .tuple(scrap, name, scrap)
      .map(
        ([chosen, column, given]) =>
          `select=${encodeURIComponent(chosen)}&${encodeURIComponent(column)}=${encodeURIComponent(given)}`,
      );
    await fc.assert(
      fc.asyncProperty(scraps, async (each) => void (await checkStatement(`/customers?${each}`))),
      { numRuns: 1500 },
    );
  });

  test("writes render to one statement of the catalog's names", async () => {
    const body = fc.oneof(
      fc.dictionary(fc.constantFrom("id", "name", "tags", "x"), fc.jsonValue(), { maxKeys: 3 }),
      fc.array(fc.record({ name: fc.jsonValue() }), { maxLength: 3 }),
    );
    const prefer = fc.constantFrom(
      "",
      "return=representation",
      "return=headers-only",
      "resolution=merge-duplicates",
      "resolution=ignore-duplicates,return=representation",
      "handling=strict,max-affected=2",
      "missing=default",
    );
    const accept = fc.constantFrom(
      "*/*",
      "application/vnd.pgrst.object+json",
      "text/csv",
      "application/vnd.pgrst.array+json;nulls=stripped",
    );
    const write = fc.tuple(
      fc.constantFrom("POST", "PATCH", "DELETE"),
      query,
      body,
      prefer,
      accept,
      fc.constantFrom("", "&columns=id,name", "&on_conflict=name"),
    );
    await fc.assert(
      fc.asyncProperty(write, async ([method, each, given, wanted, type, extra]) => {
        await checkStatement(`/customers?${each}${extra}`, {
          method,
          body: given,
          headers: { prefer: wanted, accept: type },
        });
      }),
      { numRuns: 1500 },
    );
  });
});

describe("Prefer", () => {
  test("the first of two counts, unknown ones are left out", () => {
    const found = parsePreferences("count=exact, tx=commit, count=planned,foo, return=minimal");
    expect(found).toMatchObject({ count: "exact", return: "minimal", resolution: null });
    expect(appliedPreferences(found, new Set(["count", "return"]))).toBe("return=minimal, count=exact");
  });

  test("strict handling lists what is not understood", () => {
    expect(() => parsePreferences("handling=strict, foo, tx=rollback")).toThrow(
      expect.objectContaining({ code: "PGRST122", details: "Invalid preferences: foo, tx=rollback" }),
    );
  });
});

describe("Accept", () => {
  test.each([
    [undefined, "application/json; charset=utf-8"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "application/json; charset=utf-8"],
    ["application/json;q=0.1, text/csv", "text/csv; charset=utf-8"],
    [
      "application/vnd.pgrst.object+json;nulls=stripped",
      "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
    ],
  ])("%s", (accept, type) => expect(negotiateMedia(accept).contentType).toBe(type));

  test("none", () =>
    expect(() => negotiateMedia("image/png, application/json;q=0")).toThrow(
      expect.objectContaining({ code: "PGRST107", status: 406 }),
    ));
});

describe("the body", () => {
  const json = (given: string, columnsGiven: string[] | null = null) =>
    parseBody(Buffer.from(given), undefined, columnsGiven, 3).json;

  test("is written out anew: the last of two equal keys, and digits as they came", () => {
    expect(json('{"a":1,"a":2}')).toBe('[{"a":2}]');
    expect(json('[{"a":9007199254740993,"b":1.10,"c":-0,"d":1e400}]')).toBe(
      '[{"a":9007199254740993,"b":1.10,"c":-0,"d":1e400}]',
    );
    expect(json('{"__proto__":{"x":1}}')).toBe('[{"__proto__":{"x":1}}]');
  });

  test.each([
    ['[{"a":1},{"b":1}]', "All object keys must match"],
    ["[1]", "All object keys must match"],
    ["{", "Empty or invalid json"],
    ["", "Empty or invalid json"],
    ["[{},{},{},{}]", "at most 3"],
    ['[{"a":1},{"tenant_id":1}]', "tenant_id"],
  ])("%s is refused", (given, message) => expect(() => json(given)).toThrow(message));

  test("with columns, rows may differ", () => expect(json('[{"a":1},{"b":1}]', ["a"])).toBe('[{"a":1},{"b":1}]'));
  test("is UTF-8", () =>
    expect(() => parseBody(Buffer.from([0x22, 0xff, 0x22]), undefined, null, 1)).toThrow("Empty or invalid json"));
  test("other types are refused", () => {
    expect(() => parseBody(Buffer.from("a"), "text/plain", null, 1)).toThrow("Content-Type not acceptable: text/plain");
    expect(() => parseBody(Buffer.from("a"), "text/csv; charset=utf-8", null, 1)).toThrow(
      expect.objectContaining({ kind: "featureUnsupported" }),
    );
  });
});
