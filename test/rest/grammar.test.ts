import { describe, expect, test } from "vitest";
import { RowhouseError } from "../../src/errors.ts";
import { withHeader } from "../../src/rest/request/range.ts";
import { parseQuery } from "../../src/rest/request/query.ts";

const FIELD = "field name (* or [a..z0..9_$])";
const FILTER = "operator (eq, gt, ...)";
const NAME_END = 'letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input';

/** Place and words of PostgREST 16's parser, by what is given. */
const REFUSED: readonly (readonly [query: string, column: number, details: string])[] = [
  ["id=0", 1, `unexpected "0" expecting "not" or ${FILTER}`],
  ["id=noop.1", 1, `unexpected "o" expecting "not" or ${FILTER}`],
  ["id=not.noop.1", 5, `unexpected "n" expecting ${FILTER}`],
  ["id=eq().1", 4, `unexpected ")" expecting ${FILTER}`],
  ["id=fts().1", 5, `unexpected ")" expecting ${FILTER}`],
  ["id=in().1", 3, `unexpected "(" expecting ${FILTER}`],
  ["id=in.1,2", 4, 'unexpected "1" expecting "("'],
  ["id=is.nil", 5, 'unexpected "i" expecting isVal: (null, not_null, true, false, unknown)'],
  ["id=is.ok", 4, 'unexpected "o" expecting isVal: (null, not_null, true, false, unknown)'],
  ["or=()", 4, `unexpected ")" expecting ${FIELD}, negation operator (not) or logic operator (and, or)`],
  ["or=(id.in.1,2,id.eq.3)", 10, 'unexpected "1" expecting "("'],
  ["or=)(", 3, 'unexpected ")" expecting "("'],
  ["and=(ord(id.eq.1,id.eq.1),id.eq.2)", 7, 'unexpected "d" expecting "("'],
  ["or=(id.eq.1,not.xor(id.eq.2))", 16, 'unexpected "x" expecting logic operator (and, or)'],
  ["order=", 1, `unexpected end of input expecting ${FIELD}`],
  ["order=id.ac", 4, 'unexpected "c" expecting "asc", "desc", "nullsfirst" or "nullslast"'],
  ["order=id.descc", 8, `unexpected 'c' expecting delimiter (.), "," or end of input`],
  ["order=id.asc.nlsfst", 8, 'unexpected "l" expecting "nullsfirst" or "nullslast"'],
  ["order=id.asc.nullslasttt", 17, `unexpected 't' expecting "," or end of input`],
  [
    "order=clients(name,id)",
    8,
    `unexpected '(' expecting letter, digit, "-", "->>", "->", delimiter (.), "," or end of input`,
  ],
  ["select=:", 1, `unexpected ":" expecting ${FIELD}`],
  ["select=name::", 7, "unexpected end of input expecting letter or digit"],
  ["select=name!hint", 5, `unexpected '!' expecting ${NAME_END}`],
  ["select=*!hint", 2, `unexpected '!' expecting ")", "," or end of input`],
  ["select=id,clients(name[])", 16, `unexpected '[' expecting ${NAME_END}`],
  ["select=data->>--34", 9, 'unexpected "-" expecting digit'],
  ["select=data->>-78xy", 11, `unexpected 'x' expecting digit, "->", "::", ".", "," or end of input`],
  ["select=data->(x", 7, 'unexpected "(" expecting "-", digit or any non reserved character different from: .,>()'],
  ["columns=", 1, `unexpected end of input expecting ${FIELD}`],
];

describe("what can't be parsed is refused where and how PostgREST refuses it", () => {
  test.each(REFUSED)("%s", (query, column, details) => {
    expect(() => parseQuery(query)).toThrow(RowhouseError);
    expect(() => parseQuery(query)).toThrow(
      expect.objectContaining({ code: "PGRST100", details, message: expect.stringContaining(`column ${column})`) }),
    );
  });
});

describe("what PostgREST does not look at, is not looked at", () => {
  test.each(["or=(id.eq.1))", "select=id,items(id)'", "select=id)x", "id=in.(1,2)x", "on_conflict=id:x", "id[0]=eq.1"])(
    "%s",
    (query) => expect(() => parseQuery(query)).not.toThrow(),
  );
});

test("an empty select is all columns", () => {
  expect(parseQuery("select=").select).toEqual([{ kind: "star" }]);
  expect(parseQuery("select=a()").select).toMatchObject([{ kind: "embed", relation: "a", items: [] }]);
});

test("the parts of an item", () => {
  const [sum, count, spread, both] = parseQuery(
    "select=n:a->b->>0::int8.sum()::text,count()::text,...rel!hint!inner(x),rel!left!inner(*)",
  ).select;
  expect(sum).toEqual({
    kind: "column",
    alias: "n",
    field: {
      name: "a",
      path: [
        { asText: false, key: "b" },
        { asText: true, key: 0 },
      ],
    },
    cast: "int8",
    aggregate: { name: "sum", cast: "text" },
  });
  expect(count).toMatchObject({ alias: null, field: { name: "*" }, aggregate: { name: "count", cast: "text" } });
  expect(spread).toMatchObject({ relation: "rel", isSpread: true, hint: "hint", isInner: true });
  expect(both).toMatchObject({ isInner: false, hint: null });
});

describe("ranges", () => {
  const range = (query: string, header?: string) => withHeader(parseQuery(query).ranges.get("")!.value, header);

  test.each([
    ["limit=3&offset=2", undefined, 2, 3],
    ["limit=3", "0-1", 0, 2],
    ["offset=-4", undefined, 0, null],
    ["offset=-4&limit=6", undefined, 0, 2],
    ["limit=0", "5-9", 0, 0],
    ["limit=x&offset=1", "bytes=0-1", 1, null],
  ])("%s, %s", (query, header, offset, limit) => expect(range(query, header)).toEqual({ offset, limit }));

  test.each([
    ["limit=-1", undefined, "Limit"],
    ["limit=0&offset=2", undefined, "Limit"],
    ["limit=2", "5-9", "Limit"],
    ["offset=0", "2-1", "The lower boundary"],
  ])("%s, %s is refused", (query, header, details) =>
    expect(() => range(query, header)).toThrow(
      expect.objectContaining({ code: "PGRST103", details: expect.stringContaining(details) }),
    ),
  );
});
