import { describe, expect, test } from "vitest";
import { appliedPreferences, parsePreferences, refuseInvalid } from "../../src/rest/request/preferences.ts";
import { suggest } from "../../src/rest/target/suggestion.ts";

const ALL = new Set(["resolution", "missing", "return", "maxAffected"] as const);
const applied = (header: string, names: Parameters<typeof appliedPreferences>[1] = ALL) =>
  appliedPreferences(parsePreferences(header, true), names);

describe("Prefer", () => {
  test("each preference, with any space around it", () => {
    const header = "count=exact,    tx=commit   ,return=representation , missing=default,handling=strict, anything";
    expect(parsePreferences(header, true)).toEqual({
      resolution: null,
      missing: "default",
      return: "representation",
      count: "exact",
      tx: "commit",
      handling: "strict",
      timezone: null,
      maxAffected: null,
      invalid: ["anything"],
    });
  });

  test("what is kept is listed in PostgREST's order, whatever the client's", () => {
    expect(
      applied(
        "max-affected=5, timezone=Asia/Tokyo, handling=strict, tx=rollback, count=planned, return=minimal, missing=null, resolution=ignore-duplicates",
      ),
    ).toBe(
      "resolution=ignore-duplicates, missing=null, return=minimal, count=planned, tx=rollback, handling=strict, timezone=Asia/Tokyo, max-affected=5",
    );
  });

  test.each([
    ["tx=commit, tx=rollback", "tx=commit"],
    ["return=nothing, return=minimal", "return=minimal"],
    ["timezone=a, timezone=b", "timezone=a"],
    ["handling=strict, max-affected=3, max-affected=4", "handling=strict, max-affected=3"],
    ["handling=strict, max-affected=many, max-affected=4", "handling=strict"],
    ["handling=strict, max-affected=-1", "handling=strict, max-affected=-1"],
    ["handling=lenient, max-affected=3", "handling=lenient"],
    ["Return=minimal", undefined],
    ["return=Minimal", undefined],
    ["return = minimal", undefined],
    [",,", undefined],
  ])("%s: %s", (header, expected) => {
    expect(applied(header)).toBe(expected);
  });

  test("those that are not of the verb are not listed; those of every verb are", () => {
    const header =
      "resolution=merge-duplicates, missing=default, return=minimal, count=exact, handling=strict, max-affected=1";
    expect(applied(header, new Set())).toBe("count=exact, handling=strict");
    expect(applied(header, new Set(["return"]))).toBe("return=minimal, count=exact, handling=strict");
  });

  test("tx is understood everywhere, and counts where it may", () => {
    expect(parsePreferences("tx=rollback", false)).toMatchObject({ tx: null, invalid: [] });
    expect(parsePreferences("tx=rollback", true).tx).toBe("rollback");
  });

  test.each([
    ["handling=strict, anything", "anything"],
    ["handling=strict,something, else", "something, else"],
    ["handling=strict, params=single-object", "params=single-object"],
    ["count=some, handling=strict, handling=lenient", "count=some"],
  ])("%s is refused for %s", (header, invalid) => {
    expect(() => refuseInvalid(parsePreferences(header))).toThrow(
      expect.objectContaining({
        code: "PGRST122",
        message: "Invalid preferences given with handling=strict",
        details: `Invalid preferences: ${invalid}`,
      }),
    );
  });

  test.each([
    "handling=lenient, handling=strict, x",
    "x",
    "handling=strict, max-affected=x, timezone=x, tx=commit",
    "",
  ])("%j is accepted", (header) => {
    expect(() => refuseInvalid(parsePreferences(header))).not.toThrow();
  });
});

describe("Perhaps you meant", () => {
  test.each([
    ["sayhell", ["sayhello", "said", "hello"], 0.75, "sayhello"],
    ["SayHello", ["sayhello"], 0.75, "sayhello"],
    ["unnamed_int_param", ["unnamed_text_param", "unnamed_json_param", "other"], 0.75, "unnamed_text_param"],
    ["projct", ["projects", "clients"], 0.75, "projects"],
    ["noclosealternative", ["test", "another"], 0.75, undefined],
    ["(nam)", ["(name)"], 0.33, "(name)"],
    ["(param, val)", ["(attr, id)", "(name, param, val)"], 0.33, "(name, param, val)"],
    ["(id)", ["(name, param, val)", "(attr, id)"], 0.33, "(attr, id)"],
    ["(wrong_arg)", ["()", "(a, b)", "(a, b, c)"], 0.33, undefined],
    ["(a, b, wrong_arg)", ["()", "(a, b)", "(a, b, c)"], 0.33, "(a, b, c)"],
    ["x".repeat(300), ["x"], 0.33, undefined],
    ["", ["a"], 0.33, undefined],
  ])("%s of %j at %s: %s", (wanted, names, least, expected) => {
    expect(suggest(wanted, names, least)).toBe(expected);
  });
});
