import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseBody } from "../../src/rest/request/body.ts";
import { parseCsv } from "../../src/rest/request/csv-body.ts";

const read = (given: string, type?: string, columns: string[] | null = null) =>
  parseBody(Buffer.from(given), type, columns, 3);

describe("JSON", () => {
  test("goes on as it came, one object as a list", () => {
    expect(read('\t{"b":1.10,  "a":{"x":1,"x":2}}\n')).toEqual({
      json: '[\t{"b":1.10,  "a":{"x":1,"x":2}}\n]',
      rowCount: 1,
      keys: ["a", "b"],
      isChosen: false,
    });
    expect(read('[{"a":9007199254740993},{"a":-0}]').json).toBe('[{"a":9007199254740993},{"a":-0}]');
    expect(read('{"__proto__":{"x":1}}').keys).toEqual(["__proto__"]);
    expect(read("\ufeff{}").json).toBe("[{}]");
  });

  test.each([
    ['[{"a":1},{"b":1}]', "All object keys must match"],
    ['[{"a":1},{"a":1,"b":1}]', "All object keys must match"],
    ["[1]", "All object keys must match"],
    ["[[]]", "All object keys must match"],
    ["{", "Empty or invalid json"],
    ["", "Empty or invalid json"],
    ["[{},{},{},{}]", "at most 3"],
    ['[{"a":1},{"tenant_id":1}]', "tenant_id"],
  ])("%s is refused", (given, message) => expect(() => read(given)).toThrow(message));

  test.each(["null", "5", '"text"', "true", "[]"])("%s has no rows", (given) =>
    expect(read(given)).toEqual({ json: "[]", rowCount: 0, keys: [], isChosen: false }),
  );

  test("with columns, rows may differ, and what is no JSON is left to the database as it stands", () => {
    const chosen = { keys: ["a", "z"], isChosen: true };
    const given = '[{"a":1},{"b":1}]';
    expect(read(given, undefined, ["z", "a", "z"])).toEqual({ json: given, rowCount: 2, ...chosen });
    const two = '{"a":1},{"a":2}';
    expect(read(two, undefined, ["a", "z"])).toEqual({ json: two, rowCount: 0, ...chosen });
    expect(() => read('{"tenant_id":1}', undefined, ["a"])).toThrow("tenant_id");
    expect(() => read("[{},{},{},{}]", undefined, ["a"])).toThrow("at most 3");
  });

  test("is UTF-8, and not too deep", () => {
    expect(() => parseBody(Buffer.from([0x22, 0xff, 0x22]), undefined, null, 1)).toThrow("Empty or invalid json");
    const deep = `${"[".repeat(100)}${"]".repeat(100)}`;
    for (const columns of [null, ["a"]]) expect(() => read(deep, undefined, columns)).toThrow("nested too deep");
  });

  test("ten thousand rows of a hundred keys in another order are compared in no time", () => {
    const keys = Array.from({ length: 100 }, (_, n) => `k${n}`);
    const row = (names: string[]) => `{${names.map((name) => `"${name}":1`).join(",")}}`;
    const text = `[${row(keys)},${Array.from({ length: 9999 }, () => row(keys.toReversed())).join(",")}]`;
    expect(parseBody(Buffer.from(text), undefined, null, 10_000).rowCount).toBe(10_000);
  });
});

describe("CSV", () => {
  const field = fc.string({ unit: fc.constantFrom("a", ",", '"', "\r", "\n", " ", "é", "N"), maxLength: 6 });
  const width = 3;
  const record = fc.array(field, { minLength: width, maxLength: width });
  const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const end = fc.constantFrom("\n", "\r\n", "\r");

  test("reads back what was written", () => {
    const property = fc.property(
      fc.array(record, { minLength: 1, maxLength: 4 }),
      end,
      fc.boolean(),
      (records, eol, isEnded) => {
        const lines = [["x", "y", "z"], ...records].map((each) => each.map(quote).join(","));
        const { keys, rows } = parseCsv(lines.join(eol) + (isEnded ? eol : ""));
        expect(keys).toEqual(["x", "y", "z"]);
        expect(rows).toEqual(records.map(([x, y, z]) => ({ x, y, z })));
      },
    );
    fc.assert(property, { numRuns: 1000 });
  });

  test.each([
    ["a,b\n1,NULL\n\n", '[{"a":"1","b":null}]'],
    ['a\n"NULL"', '[{"a":null}]'],
    ["a,b\n1,2,3\n4,5\n", '[{"a":"1","b":"2"},{"a":"4","b":"5"}]'],
    ["a,b,c\n1,2\n3,4", '[{"a":"1","b":"2"},{"a":"3","b":"4"}]'],
    ["a,a\n1,2", '[{"a":"2"}]'],
    ["a,b", "[]"],
    ['"a ""b""",c\n , x', '[{"a \\"b\\"":" ","c":" x"}]'],
  ])("%j is %s", (given, json) => expect(read(given, "text/csv").json).toBe(json));

  test.each([
    ["a,b\n1,2\n3", "All lines must have same number of fields", null],
    ["", "Empty or invalid csv", null],
    ['a\n"x', "Invalid csv", "Record 2: a quoted field does not end."],
    ['a\n"x"y', "Invalid csv", "Record 2: a quoted field goes on after its quote."],
    ['a\nx"y', "Invalid csv", "Record 2: a quote stands inside of a field."],
    ["a\n1\n2\n3\n4", "The body has 4 rows; at most 3 are accepted at once", null],
    ["tenant_id\n1", "The body names tenant_id, which is not part of the API", null],
  ])("%j is refused", (given, message, details) =>
    expect(() => read(given, "Text/CSV; charset=utf-8")).toThrow(expect.objectContaining({ message, details })),
  );
});

describe("forms", () => {
  const form = (given: string) => read(given, "application/x-www-form-urlencoded");

  test.each([
    ["a=1&b=x+y%26z", '[{"a":"1","b":"x y&z"}]'],
    ["a=1&a=2&b", '[{"a":"2","b":""}]'],
    ["", "[{}]"],
  ])("%s", (given, json) => expect(form(given).json).toBe(json));

  test("tenant_id", () => expect(() => form("tenant_id=1")).toThrow("tenant_id"));
});

test.each(["text/plain", "application/vnd.pgrst.object+json", "multipart/form-data"])("%s is not taken", (type) =>
  expect(() => read("a", `${type}; x=y`)).toThrow(`Content-Type not acceptable: ${type}`),
);
