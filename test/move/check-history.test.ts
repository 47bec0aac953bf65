import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkHistory, type History, type Operation, type Row } from "./history.ts";

const NOTHING = { lost: [], doubled: [], wrong: [], unknownApplied: 0 };

interface Step {
  kind: "update" | "delete";
  outcome: Operation["outcome"];
  isApplied: boolean;
}

const steps = fc.record<Step>({
  kind: fc.constantFrom("update", "update", "update", "delete"),
  outcome: fc.constantFrom("acked", "acked", "acked", "failed", "unknown"),
  isApplied: fc.boolean(),
});

/** A history in which nothing went wrong: what was acknowledged is there, what failed is not, of the unknown some. */
function play(scripts: Step[][], moveAt: number): History & { operations: Operation[]; final: Row[] } {
  const operations: Operation[] = [];
  const final: Row[] = [];
  let time = 0;
  for (const [index, script] of scripts.entries()) {
    const key = `k${index}`;
    let row: Row | null = null;
    let version = 0;
    for (const step of [{ kind: "insert", outcome: "acked", isApplied: true } as const, ...script]) {
      time += 2;
      if (step.outcome !== "failed" || version === 0) version++;
      const value = `${key}/${time}`;
      const epoch = time < moveAt ? 1 : 2;
      const { kind, outcome } = step;
      const tried = outcome === "failed" ? version + 1 : version;
      operations.push({
        id: value,
        kind,
        key,
        version: tried,
        value,
        epoch,
        outcome,
        startedAt: time,
        endedAt: time + 1,
      });
      if (outcome === "acked" || (outcome === "unknown" && step.isApplied)) {
        row = kind === "delete" ? null : { key, version, value };
      }
      if (kind === "delete") break;
    }
    if (row !== null) final.push(row);
  }
  return { operations, final, elsewhere: final.map((row) => ({ ...row })) };
}

const histories = fc
  .tuple(fc.array(fc.array(steps, { maxLength: 6 }), { minLength: 1, maxLength: 8 }), fc.nat(60))
  .map(([scripts, moveAt]) => play(scripts, moveAt));

/** Histories with at least one row in the end, and one of these rows. */
const withRow = histories
  .filter(({ final }) => final.length > 0)
  .chain((history) =>
    fc.nat(history.final.length - 1).map((index) => ({ history, index, row: history.final[index]! })),
  );

function writerOf({ operations }: History, row: Row): Operation {
  return operations.find(({ value }) => value === row.value)!;
}

describe("a history without a fault", () => {
  test("is judged clean, whatever the unknown ones did", () => {
    fc.assert(
      fc.property(histories, (history) => {
        expect({ ...checkHistory(history), unknownApplied: 0 }).toEqual(NOTHING);
      }),
    );
  });

  test("does not depend on the order in which clients noted it", () => {
    fc.assert(
      fc.property(
        histories.chain((history) =>
          fc
            .shuffledSubarray(history.operations, { minLength: history.operations.length })
            .map((operations) => ({ history, operations })),
        ),
        ({ history, operations }) => {
          expect(checkHistory({ ...history, operations })).toEqual({
            ...NOTHING,
            unknownApplied: checkHistory(history).unknownApplied,
          });
        },
      ),
    );
  });

  test("counts an unknown write that took place, and none that did not", () => {
    const insert = { kind: "insert", outcome: "acked", isApplied: true } as const;
    const applied = play([[{ ...insert, kind: "update", outcome: "unknown" }]], 0);
    const dropped = play([[{ kind: "update", outcome: "unknown", isApplied: false }]], 0);
    expect([applied, dropped].map((history) => checkHistory(history).unknownApplied)).toEqual([1, 0]);
  });
});

describe("a fault is found", () => {
  test("a row that is gone", () => {
    fc.assert(
      fc.property(withRow, ({ history, index, row }) => {
        const mayBeDeleted = history.operations.some(
          ({ key, kind, outcome }) => key === row.key && kind === "delete" && outcome === "unknown",
        );
        fc.pre(!mayBeDeleted);
        const { lost } = checkHistory({ ...history, final: history.final.toSpliced(index, 1), elsewhere: null });
        expect(lost.map(({ key }) => key)).toEqual([row.key]);
      }),
    );
  });

  test("an acknowledged update that an older version has replaced", () => {
    fc.assert(
      fc.property(withRow, ({ history, index, row }) => {
        const writer = writerOf(history, row);
        const before = history.operations.filter(
          ({ key, outcome, version }) => key === row.key && outcome === "acked" && version < row.version,
        );
        fc.pre(writer.outcome === "acked" && before.length > 0);
        const { version, value } = before.at(-1)!;
        const final = history.final.with(index, { key: row.key, version, value });
        expect(checkHistory({ ...history, final, elsewhere: null }).lost).toContain(writer);
      }),
    );
  });

  test("a row that is there twice", () => {
    fc.assert(
      fc.property(withRow, ({ history, row }) => {
        const { doubled } = checkHistory({ ...history, final: [...history.final, row] });
        expect(doubled.map(({ kind, key }) => ({ kind, key }))).toEqual([{ kind: "insert", key: row.key }]);
      }),
    );
  });

  test("a value that nobody wrote, and one that was refused", () => {
    fc.assert(
      fc.property(withRow, fc.boolean(), ({ history, index, row }, isRefused) => {
        const failed = history.operations.find(({ key, outcome }) => key === row.key && outcome === "failed");
        fc.pre(!isRefused || (failed !== undefined && failed.kind !== "delete"));
        const bad = isRefused ? { version: failed!.version, value: failed!.value } : { value: "nobody's" };
        const { wrong } = checkHistory({
          ...history,
          final: history.final.with(index, { ...row, ...bad }),
          elsewhere: null,
        });
        expect(wrong.map(({ key }) => key)).toEqual([row.key]);
      }),
    );
  });

  test("a row that came back after its delete", () => {
    const history = play([[{ kind: "delete", outcome: "acked", isApplied: true }]], 0);
    const [insert, gone] = history.operations;
    const final = [{ key: insert!.key, version: insert!.version, value: insert!.value }];
    expect(checkHistory({ ...history, final, elsewhere: null }).wrong).toEqual([gone]);
  });

  test("a row that the other database has in a later version", () => {
    fc.assert(
      fc.property(withRow, ({ history, index, row }) => {
        const { wrong } = checkHistory({
          ...history,
          elsewhere: history.final.with(index, { ...row, version: row.version + 1, value: "astray" }),
        });
        expect(wrong.map(({ key }) => key)).toEqual([row.key]);
      }),
    );
  });

  test("a write that an older epoch took after a newer was known", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const last = history.operations.findLastIndex(({ outcome }) => outcome === "acked");
        const late = history.operations[last]!;
        const known = history.operations
          .slice(0, last)
          .some(({ outcome, epoch }) => outcome === "acked" && epoch === 2);
        fc.pre(known);
        const stale = { ...late, epoch: 1 };
        expect(checkHistory({ ...history, operations: history.operations.with(last, stale) }).wrong).toContain(stale);
      }),
    );
  });
});

test("rows of no operation are no history", () => {
  expect(() =>
    checkHistory({ operations: [], final: [{ key: "k", version: 1, value: "v" }], elsewhere: null }),
  ).toThrow("was written by no operation");
});
