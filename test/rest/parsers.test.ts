import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RowhouseError } from "../../src/errors.ts";
import { mimeOf, parseAccept } from "../../src/rest/request/accept.ts";
import { parseBody } from "../../src/rest/request/body.ts";
import { parseLogic } from "../../src/rest/request/logic.ts";
import { parseOrder } from "../../src/rest/request/order.ts";
import { appliedPreferences, parsePreferences, refuseInvalid } from "../../src/rest/request/preferences.ts";
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
  ["Accept", (input) => parseAccept(input).map(mimeOf)],
  ["Prefer", parsePreferences],
  ["the query string", (input) => parseQuery(both(input))],
  ["a JSON body", (input) => parseBody(Buffer.from(input), undefined, null, 1000)],
  ["a CSV body", (input) => parseBody(Buffer.from(input), "text/csv", null, 1000)],
  ["a form", (input) => parseBody(Buffer.from(input), "application/x-www-form-urlencoded", null, 1000)],
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
    expect(() => refuseInvalid(parsePreferences("handling=strict, foo, tx=rollback, tx=never"))).toThrow(
      expect.objectContaining({ code: "PGRST122", details: "Invalid preferences: foo, tx=never" }),
    );
  });
});
