/**
 * Were all acknowledged writes kept, exactly once? A pure function over what clients noted and what two databases hold in the end;
 * the crash matrix and the bench of moves call it, and so does anything else that writes while a tenant moves.
 *
 * What clients must keep to, so that an answer exists:
 * - A key is inserted by one operation only, and is never used again. An insert carries `version` 1.
 * - Each key has one writer, who writes one operation after the other and counts `version` up by one with each new update, in the
 *   same statement that sets `value`. After a failed operation the same version may be tried again, with another operation id; after
 *   an unknown one the next version is used.
 * - `value` differs between any two operations, so that a row tells which operation wrote it.
 * - A delete is the last operation on its key.
 *
 * `outcome` is what the client knows: `acked` (the commit was confirmed), `failed` (the server said that it did not happen),
 * `unknown` (the connection was cut, no answer).
 */
export interface Operation {
  id: string;
  kind: "insert" | "update" | "delete";
  key: string;
  version: number;
  value: string;
  epoch: number;
  outcome: "acked" | "failed" | "unknown";
  /** Milliseconds on the client's clock: when it was sent, and when the answer came. */
  startedAt: number;
  endedAt: number;
}

export interface Row {
  key: string;
  version: number;
  value: string;
}

export interface History {
  operations: readonly Operation[];
  /** The tenant's rows in the database where it lives, when all is quiet; every row as often as it is there. */
  final: readonly Row[];
  /**
   * Its rows in the other database, for as long as that still replicates; null when that is cleaned up or lags. Rows elsewhere
   * that the owner lacks show a write that went to the wrong place.
   */
  elsewhere: readonly Row[] | null;
}

export interface Judgement {
  /** Acknowledged, and neither there nor overwritten by a later operation of its key. */
  lost: Operation[];
  /** Whose row is there more than once; the insert of that key. */
  doubled: Operation[];
  /**
   * There, although it must not be: refused and applied, applied after a delete, or out of order. Also an acknowledged write
   * whose epoch is lower than one that was acknowledged before it was sent.
   */
  wrong: Operation[];
  /** Operations without an answer of which the row shows that they took place. */
  unknownApplied: number;
}

function groupByKey<T extends { key: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.key);
    if (group === undefined) groups.set(item.key, [item]);
    else group.push(item);
  }
  return groups;
}

/** The operation that wrote a row as it is, or undefined where no client wrote such a row. */
function writerOf(row: Row, operations: readonly Operation[]): Operation | undefined {
  return operations.find(
    ({ kind, version, value }) => kind !== "delete" && version === row.version && value === row.value,
  );
}

function judgeKey(operations: readonly Operation[], rows: readonly Row[]): Judgement {
  const judgement: Judgement = { lost: [], doubled: [], wrong: [], unknownApplied: 0 };
  const first = operations[0]!;
  if (rows.length > 1) judgement.doubled.push(first);
  const [row] = rows;
  const acked = operations.filter(({ outcome }) => outcome === "acked");
  const lastAcked = acked.at(-1);
  if (row === undefined) {
    // A delete without an answer may have taken place: then nothing before it is missed.
    const mayBeDeleted = operations.some(({ kind, outcome }) => kind === "delete" && outcome !== "failed");
    if (lastAcked !== undefined && !mayBeDeleted) judgement.lost.push(lastAcked);
    if (operations.some(({ kind, outcome }) => kind === "delete" && outcome === "unknown")) judgement.unknownApplied++;
    return judgement;
  }
  const writer = writerOf(row, operations);
  if (lastAcked?.kind === "delete" || writer === undefined || writer.outcome === "failed") {
    judgement.wrong.push(lastAcked?.kind === "delete" ? lastAcked : (writer ?? first));
    return judgement;
  }
  judgement.lost.push(...acked.filter(({ kind, version }) => kind !== "delete" && version > row.version));
  if (writer.outcome === "unknown") judgement.unknownApplied++;
  return judgement;
}

/** Acknowledged writes of an epoch below one that somebody had been told before they were sent: two databases took writes. */
function findStale(operations: readonly Operation[]): Operation[] {
  const acked = operations.filter(({ outcome }) => outcome === "acked");
  const byEnd = acked.toSorted((one, other) => one.endedAt - other.endedAt);
  let known = 0;
  let next = 0;
  const stale: Operation[] = [];
  for (const operation of acked.toSorted((one, other) => one.startedAt - other.startedAt)) {
    for (; next < byEnd.length && byEnd[next]!.endedAt < operation.startedAt; next++) {
      known = Math.max(known, byEnd[next]!.epoch);
    }
    if (operation.epoch < known) stale.push(operation);
  }
  return stale;
}

/** Rows of the other database that the owner lacks or has in an older version. */
function findAstray(
  elsewhere: readonly Row[],
  final: Map<string, Row[]>,
  operations: Map<string, Operation[]>,
): Operation[] {
  return elsewhere.flatMap((row) => {
    const owned = final.get(row.key)?.[0];
    if (owned !== undefined && owned.version >= row.version) return [];
    const written = operations.get(row.key) ?? [];
    // Deleted where it lives, and not yet here, is what a lagging copy looks like; the caller waited for it to catch up.
    return [writerOf(row, written) ?? written[0]].filter((operation) => operation !== undefined);
  });
}

/**
 * Judges one tenant's history. `operations` of one key are taken in the order of `startedAt`.
 * @throws when `final` holds a key that no operation names: such rows belong to no history
 */
export function checkHistory({ operations, final, elsewhere }: History): Judgement {
  const written = groupByKey(operations.toSorted((one, other) => one.startedAt - other.startedAt));
  const rows = groupByKey(final);
  const strange = [...rows.keys()].find((key) => !written.has(key));
  if (strange !== undefined) throw new Error(`The row ${strange} was written by no operation of this history`);
  const judgements = [...written].map(([key, group]) => judgeKey(group, rows.get(key) ?? []));
  const wrong = new Set([
    ...judgements.flatMap((one) => one.wrong),
    ...findStale(operations),
    ...(elsewhere === null ? [] : findAstray(elsewhere, rows, written)),
  ]);
  const lost = judgements.flatMap((one) => one.lost);
  return {
    lost,
    doubled: judgements.flatMap((one) => one.doubled),
    wrong: [...wrong].filter((operation) => !lost.includes(operation)),
    unknownApplied: judgements.reduce((sum, one) => sum + one.unknownApplied, 0),
  };
}
