import { describe, expect, test } from "vitest";
import { RowhouseError } from "../../src/errors.ts";
import { parseDuration } from "../../src/commands/duration.ts";
import { toFailure } from "../../src/commands/failure.ts";
import { formatFacts, formatTable, openOutput, plural } from "../../src/commands/output.ts";
import { describeProgress, formatBytes, formatSeconds, openProgress } from "../../src/commands/progress.ts";

describe("text for people", () => {
  test("a table aligns its columns, numbers to the right, and trails no spaces", () => {
    const rows = [
      ["app.items", 12_345, "x"],
      ["a", 7, ""],
    ];
    expect(formatTable(["TABLE", "ROWS", "KEY"], rows)).toBe(
      "TABLE        ROWS  KEY\napp.items  12,345  x\na               7",
    );
  });

  test("facts, counts, sizes and times", () => {
    expect(
      formatFacts([
        ["a", 1],
        ["long", "two"],
      ]),
    ).toBe("a     1\nlong  two");
    expect([plural(1, "row"), plural(1200, "row")]).toEqual(["1 row", "1,200 rows"]);
    expect([0, 999, 1000, 1_250_000, 250e6, 3e15].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "1.3 MB",
      "250 MB",
      "3000 TB",
    ]);
    expect([0.25, 9, 59.6, 125, 3780].map(formatSeconds)).toEqual([
      "0.3 s",
      "9 s",
      "1 min 0 s",
      "2 min 5 s",
      "1 h 3 min",
    ]);
  });

  test("durations", () => {
    expect(["90s", "30m", "24h", "7d"].map((text) => parseDuration("--ttl", text))).toEqual([
      90, 1800, 86_400, 604_800,
    ]);
    for (const text of ["", "1", "h", "1w", "-1h", "1.5h", "1h30m"])
      expect(() => parseDuration("--ttl", text)).toThrow(RowhouseError);
  });
});

describe("failures", () => {
  test("a refusal keeps its row; a missing schema says what to run; a bug says so, with its place", () => {
    expect(toFailure(new RowhouseError("tenantExists", { hint: "h" }))).toMatchObject({
      code: "RH404",
      exit: 5,
      hint: "h",
    });
    const missing = Object.assign(new Error('relation "platform.tenants" does not exist'), {
      code: "42P01",
      severity: "ERROR",
    });
    expect(toFailure(missing)).toMatchObject({
      code: "42P01",
      exit: 1,
      hint: expect.stringContaining("rowhouse migrate"),
    });
    expect(toFailure(Object.assign(new Error("full"), { code: "ENOSPC" }))).toMatchObject({
      code: "ENOSPC",
      message: "full",
    });
    const bug = toFailure(new TypeError("x is not a function"));
    expect(bug).toMatchObject({ code: "RH900", exit: 1 });
    expect(bug.details).toContain("output.test.ts");
  });
});

describe("progress", () => {
  const step = { phase: "copy", table: "app.items", totalRows: 4000, totalBytes: null, allRows: 10_000 } as const;

  test("one line says table, rows, bytes, pace and what is left", () => {
    const pace = { rows: 5000, bytes: 2_000_000, seconds: 2, eta: 2 };
    expect(describeProgress({ ...step, rows: 1000, bytes: 500_000, done: false }, pace)).toBe(
      "copying app.items  1,000 of 4,000 rows  2.0 MB  1.0 MB/s  2 s left",
    );
  });

  test("with --json each finished table is an event", () => {
    const events: unknown[] = [];
    const out = { ...openOutput({ json: true }), event: (value: unknown) => events.push(value) };
    const line = openProgress(out);
    line.show({ ...step, rows: 10, bytes: 100, done: false });
    line.show({ ...step, rows: 4000, bytes: 40_000, done: true });
    expect(events).toEqual([
      expect.objectContaining({ event: "progress", phase: "copy", table: "app.items", rows: 4000, done: true }),
    ]);
  });
});
