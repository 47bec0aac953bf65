import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RowhouseError } from "../../src/errors.ts";
import { parseBody } from "../../src/rest/request/body.ts";
import { parseLogic } from "../../src/rest/request/logic.ts";
import { negotiateMedia } from "../../src/rest/request/media.ts";
import { parseOrder } from "../../src/rest/request/order.ts";
import { appliedPreferences, parsePreferences } from "../../src/rest/request/preferences.ts";
import { parseQuery } from "../../src/rest/request/query.ts";
import { parseSelect } from "../../src/rest/request/select.ts";
import { scrap } from "./scraps.ts";

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

const text = fc.oneof(scrap, fc.string({ unit: "binary", maxLength: 40 }));
const runs = { numRuns: 3000 };

const both = (input: string) => `${input}=${input}&${encodeURIComponent(input)}=${encodeURIComponent(input)}`;
const PARSERS: readonly (readonly [name: string, parse: (input: string) => unknown])[] = [
  ["select", parseSelect],
  ["order", parseOrder],
  ["logic", (input) => parseLogic(`(${input})`, "or", false)],
  ["Accept", negotiateMedia],
  ["Prefer", parsePreferences],
  ["the query string", (input) => parseQuery(both(input))],
  ["the body", (input) => parseBody(Buffer.from(input), undefined, null, 1000)],
];

describe("no input crashes", () => {
  test.each(PARSERS)("%s", (_, read) => {
    const inputs = fc.property(fc.oneof(text, fc.json()), (input) => void settles(() => read(input)));
    expect(fc.check(inputs, runs)).toMatchObject({ failed: false });
  });

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
