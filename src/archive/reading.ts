import { RowhouseError } from "../errors.ts";
import { countTable, type CountedTable } from "./compare.ts";
import { copyTable, type Copied } from "./copy.ts";
import { tableName } from "./manifest.ts";
import type { ArchiveProgress, OnProgress } from "./progress.ts";
import { shareOut, type Session } from "./session.ts";
import type { TableShape } from "./shape.ts";
import type { Snapshot } from "./snapshot.ts";

export interface ReadingOptions {
  /** What to copy of a table. */
  readonly select: (shape: TableShape) => string;
  readonly spoolPath: (index: number) => string;
  /** Called when a table is in its spool. */
  readonly onCopied?: ((index: number, copied: Copied) => void) | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was read of all tables, by their number. */
export interface Reading {
  readonly copies: readonly Copied[];
  readonly counted: readonly CountedTable[];
}

/** Numbers of the tables, those that take longest first. */
function largestFirst(tables: readonly TableShape[]): number[] {
  return [...tables.keys()].toSorted((a, b) => tables[b]!.bytes - tables[a]!.bytes);
}

/**
 * The planner's estimate of the tenant's rows, for the time that is left: counting takes a tenth of the time of copying. With the
 * tenant's id beside the policy the planner uses the statistics of that id (`One-Time Filter` in the plan).
 */
async function estimateRows(session: Session, { identifier }: TableShape, tenantId: string): Promise<number> {
  const { rows } = await session.query<{ "QUERY PLAN": [{ Plan: { "Plan Rows": number } }] }>(
    `explain (format json) select from ${identifier} where tenant_id = $1`,
    [tenantId],
  );
  return rows[0]!["QUERY PLAN"][0].Plan["Plan Rows"];
}

/** What is known of the rows to come: estimates at first, counts as they are made. */
class Outlook {
  readonly #rows: number[];
  readonly #tables: readonly TableShape[];
  readonly #onProgress: OnProgress | undefined;

  constructor(tables: readonly TableShape[], rows: number[], onProgress: OnProgress | undefined) {
    this.#tables = tables;
    this.#rows = rows;
    this.#onProgress = onProgress;
  }

  /** `done` makes `rows` exact. */
  report(phase: ArchiveProgress["phase"], index: number, rows: number, bytes: number, done: boolean): void {
    this.#rows[index] = done ? rows : Math.max(rows, this.#rows[index]!);
    this.#onProgress?.({
      phase,
      table: tableName(this.#tables[index]!),
      rows,
      totalRows: this.#rows[index]!,
      bytes,
      totalBytes: done ? bytes : null,
      allRows: this.#rows.reduce((sum, count) => sum + count, 0),
      done,
    });
  }
}

/** Two counts of one snapshot, made apart: if they are not the same, rows are missing or too many. */
function assertSameCounts({ copies, counted }: Reading): void {
  for (const [index, { table, rows }] of counted.entries()) {
    const copied = copies[index]!.rows;
    if (copied === rows) continue;
    throw new RowhouseError("exportInconsistent", {
      message: `${table}: COPY gave ${copied} rows, counting in the same snapshot ${rows}`,
      details: table,
      hint: "Nothing was exported. Run `rowhouse check`, and report this.",
    });
  }
}

/**
 * Copies each table, the largest first, and then, apart from that, counts and hashes it: as many things at once as there are
 * sessions. All copies come first, so that the archive's file is written while the counts go on.
 * @throws RowhouseError exportInconsistent
 */
export async function readTables(snapshot: Snapshot, options: ReadingOptions): Promise<Reading> {
  const { sessions, tables, facts } = snapshot;
  const { select, spoolPath, onCopied, signal } = options;
  const order = largestFirst(tables);
  const estimates: number[] = [];
  for (const [index, shape] of tables.entries()) {
    estimates[index] = await estimateRows(sessions[0]!, shape, facts.tenant.id);
  }
  const outlook = new Outlook(tables, estimates, options.onProgress);
  const copies: Copied[] = [];
  const counted: CountedTable[] = [];
  const copy = async (session: Session, index: number) => {
    const onBlock = (rows: number, bytes: number) => outlook.report("copy", index, rows, bytes, false);
    const copied = await copyTable(session, select(tables[index]!), spoolPath(index), { onBlock, signal });
    copies[index] = copied;
    outlook.report("copy", index, copied.rows, copied.rawBytes, true);
    onCopied?.(index, copied);
  };
  const count = async (session: Session, index: number) => {
    const table = await countTable(session, tables[index]!);
    counted[index] = table;
    outlook.report("count", index, table.rows, 0, true);
  };
  const tasks = [copy, count].flatMap((work) => order.map((index) => ({ work, index })));
  await shareOut(sessions, tasks, (session, { work, index }) => work(session, index));
  const reading = { copies, counted };
  assertSameCounts(reading);
  return reading;
}
