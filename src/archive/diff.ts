import { hash } from "node:crypto";
import { lineSink, readField } from "./copy-text.ts";
import type { OnProgress } from "./progress.ts";
import { translateLoss } from "./session.ts";
import type { Side, SideTable } from "./side.ts";
import { isWithheld } from "./withheld.ts";

export interface DiffOptions {
  /** Most keys to tell, per table and kind. */
  readonly examples?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** How one table of the second side differs from the first's. */
export interface TableDiff {
  /** `schema.table` */
  readonly table: string;
  readonly equal: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Columns that only one side has; the rows are compared without them. */
  readonly columns: { readonly onlyFirst: readonly string[]; readonly onlySecond: readonly string[] };
  /** Primary keys without tenant_id, values with commas between. */
  readonly examples: {
    readonly inserted: readonly string[];
    readonly updated: readonly string[];
    readonly deleted: readonly string[];
  };
}

export interface Diff {
  readonly tables: readonly TableDiff[];
  readonly onlyFirst: readonly string[];
  readonly onlySecond: readonly string[];
  /** Whether nothing differs. */
  readonly equal: boolean;
}

/** Rows of one table that are kept in memory at a time, as some 150 bytes each. */
const PASS_ROWS = 400_000;

/** How to take a row apart: where the fields of its key and of what is compared stand. */
interface Cut {
  readonly key: readonly number[];
  /** Null where the whole line is compared. */
  readonly content: readonly number[] | null;
}

function cutOf({ columns, primaryKey }: SideTable, common: readonly string[]): Cut {
  const at = (name: string) => columns.indexOf(name);
  const isWhole = common.length === columns.length && common.every((name, index) => columns[index] === name);
  return { key: primaryKey.map(at), content: isWhole ? null : common.map(at) };
}

interface Row {
  /** Fields as COPY has them, tabs between: no two keys look the same. */
  readonly key: string;
  /** 20 bytes. */
  readonly digest: string;
}

function readRow(line: string, { key, content }: Cut): Row {
  const fields = line.split("\t");
  const compared = content === null ? line : content.map((at) => fields[at]).join("\t");
  return { key: key.map((at) => fields[at]).join("\t"), digest: hash("sha1", compared, "binary") };
}

/** Which pass a key belongs to, on both sides. */
function passOf(key: string, passes: number): number {
  if (passes === 1) return 0;
  let sum = 0;
  for (let at = 0; at < key.length; at++) sum = (Math.imul(sum, 31) + key.charCodeAt(at)) >>> 0;
  return sum % passes;
}

const showKey = (key: string) => key.split("\t").map(readField).join(",");

type Kind = "inserted" | "updated" | "deleted";

/** Counts one kind of difference and keeps the first keys. */
class Tally {
  readonly counts: Record<Kind | "equal", number> = { equal: 0, inserted: 0, updated: 0, deleted: 0 };
  readonly examples: Record<Kind, string[]> = { inserted: [], updated: [], deleted: [] };
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(kind: Kind, key: string): void {
    this.counts[kind]++;
    if (this.examples[kind].length < this.#limit) this.examples[kind].push(showKey(key));
  }
}

/** Reads both sides once for each pass; memory holds the first side's keys of that pass. */
async function comparePass(
  sides: readonly [Side, Side],
  tables: readonly [SideTable, SideTable],
  cuts: readonly [Cut, Cut],
  tally: Tally,
  [pass, passes]: readonly [number, number],
): Promise<void> {
  const rows = new Map<string, string>();
  const eachRow = (index: 0 | 1, work: (row: Row) => void) =>
    sides[index].readTable(
      tables[index],
      lineSink((line) => {
        const row = readRow(line, cuts[index]);
        if (passOf(row.key, passes) === pass) work(row);
      }),
    );
  await eachRow(0, ({ key, digest }) => rows.set(key, digest));
  await eachRow(1, ({ key, digest }) => {
    const before = rows.get(key);
    rows.delete(key);
    if (before === digest) tally.counts.equal++;
    else tally.add(before === undefined ? "inserted" : "updated", key);
  });
  for (const key of rows.keys()) tally.add("deleted", key);
}

const without = (names: readonly string[], others: readonly string[]) => names.filter((name) => !others.includes(name));

async function diffTable(
  sides: readonly [Side, Side],
  tables: readonly [SideTable, SideTable],
  options: DiffOptions,
): Promise<TableDiff> {
  const [first, second] = tables;
  const columns = {
    onlyFirst: without(first.columns, second.columns),
    onlySecond: without(second.columns, first.columns),
  };
  const tally = new Tally(options.examples ?? 5);
  const isSame =
    first.columns.join("\t") === second.columns.join("\t") &&
    first.rows === second.rows &&
    first.rowHash === second.rowHash;
  if (isSame) {
    tally.counts.equal = first.rows;
  } else {
    const common = first.columns.filter((name) => second.columns.includes(name));
    // Where the keys differ, no row can be told to be another's next version: then what is compared is the key.
    const key = first.primaryKey.every((name) => second.primaryKey.includes(name)) ? first.primaryKey : common;
    const cuts = tables.map((table) => cutOf({ ...table, primaryKey: key }, common)) as unknown as [Cut, Cut];
    const passes = Math.max(1, Math.ceil(Math.max(first.rows, second.rows) / PASS_ROWS));
    for (let pass = 0; pass < passes; pass++) await comparePass(sides, tables, cuts, tally, [pass, passes]);
  }
  const { rows } = second;
  const report = { phase: "compare", table: first.table, rows, totalRows: rows, bytes: 0, totalBytes: null } as const;
  options.onProgress?.({ ...report, allRows: null, done: true });
  return { table: first.table, ...tally.counts, columns, examples: tally.examples };
}

/**
 * Compares two archives, two tenants, or one with the other, row by row and by the text of every value. A table whose count and
 * hash agree is not read at all; hashes made in two ways never do. Of two tenants
 * what one can't get of the other is left out: sessions, keys, the audit trail.
 * @returns what the second has that the first has not (inserted), and so on
 * @throws RowhouseError archiveDamaged, databaseUnavailable; the signal's reason
 */
export async function diffSides(first: Side, second: Side, options: DiffOptions = {}): Promise<Diff> {
  const isOne = first.tenantId === second.tenantId;
  const compared = [first, second].map(({ tables }) => tables.filter(({ table }) => isOne || !isWithheld(table)));
  const names = compared.map((side) => side.map(({ table }) => table));
  const tables: TableDiff[] = [];
  try {
    for (const table of compared[0]!) {
      const other = compared[1]!.find((candidate) => candidate.table === table.table);
      if (other !== undefined) tables.push(await diffTable([first, second], [table, other], options));
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw translateLoss(error);
  }
  const [onlyFirst, onlySecond] = [without(names[0]!, names[1]!), without(names[1]!, names[0]!)];
  const isEqual = tables.every(
    ({ inserted, updated, deleted, columns }) =>
      inserted + updated + deleted + columns.onlyFirst.length + columns.onlySecond.length === 0,
  );
  return { tables, onlyFirst, onlySecond, equal: isEqual && onlyFirst.length + onlySecond.length === 0 };
}
