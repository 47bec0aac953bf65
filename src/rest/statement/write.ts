import type { Statement } from "../../db/statement.ts";
import type { IdempotencyKey } from "../request/idempotency-key.ts";
import { WHOLE_ROW, type Media } from "../request/media.ts";
import { ALL_ROWS } from "../request/range.ts";
import { DELETED_AT } from "../target/soft-delete.ts";
import type { Conflict, WriteTarget } from "../target/write-target.ts";
import { isNoChange, renderChange } from "./change.ts";
import { renderKeeping } from "./kept.ts";
import { statementName } from "./name.ts";
import { explain } from "./plan.ts";
import { renderRefusals, type RowBounds } from "./refusal.ts";
import { returnColumns, returnShown } from "./returning.ts";
import { aggregatedRow, innerTests, ownTests, readsWholeRow } from "./rows.ts";
import { renderRows } from "./select.ts";
import { quote, where, Writer, type WriterOptions } from "./writer.ts";

export interface WriteShape extends Pick<RowBounds, "wants" | "maxAffected"> {
  readonly media: Media;
  /** `body` of the rows written, `location` of the one row, or nothing but their number. */
  readonly answers: "body" | "location" | "count";
  /** Whether the answer says how many rows are new. */
  readonly asksNew: boolean;
  /** The most rows that a body may show, and of any embed in it. */
  readonly maxRows: number;
  readonly idempotency?: IdempotencyKey | null;
}

/** Number, body, keys, how many are new. */
const ANSWER_COLUMNS = 4;

/** Those that are changed, also where an inner embed keeps some of them out of the answer. */
const AFFECTED = "(select count(*) from written)";

/**
 * Whether a row came by insert and not by update: an updated one carries its transaction's lock (PostgreSQL, System Columns).
 */
const IS_NEW = `"rowhouse is new"`;

/** How it is found out which rows are new: by their system columns, or, where there are none, by looking for them as it was before. */
function newRows({ conflict, read }: WriteTarget, { asksNew }: WriteShape): "system" | "before" | null {
  if (conflict?.isMerge !== true || !asksNew) return null;
  return read.relation.kind === "table" && !read.relation.isPartitioned ? "system" : "before";
}

/** Whether the answer is made by functions that take rows of the table's own type, which those of a CTE are not. */
function takesWholeRow({ read }: WriteTarget, { media }: WriteShape): boolean {
  return media.takesRow || readsWholeRow({ ...read, where: [] });
}

/** The columns of the changed rows that the answer is made of. */
function returned(target: WriteTarget, shape: WriteShape, alias: string): string {
  const { read, conflict } = target;
  const kind = newRows(target, shape);
  const keys = kind === "before" ? (conflict?.columns.map(({ name }) => name) ?? []) : [];
  const located = shape.answers === "location" ? read.relation.primaryKey : [];
  const columns =
    shape.answers === "body"
      ? returnShown(read, takesWholeRow(target, shape), keys, alias)
      : returnColumns([...located, ...keys], alias);
  return kind === "system" ? `${columns}, ${alias}.xmax = 0 as ${IS_NEW}` : columns;
}

/** All parts of a statement see the tables as they were before it (PostgreSQL manual, 7.8.4). */
function countUnseen(writer: Writer, { columns }: Conflict, { read: { relation } }: WriteTarget): string {
  const tests = [writer.tenantTest(relation, "b"), ...columns.map(({ name }) => `b.${quote(name)} = w.${quote(name)}`)];
  return `(select count(*) from written w where not exists (select from ${writer.table(relation)} b${where(tests)}))`;
}

function renderNew(writer: Writer, target: WriteTarget, shape: WriteShape): string {
  switch (newRows(target, shape)) {
    case null:
      return "null";
    case "system":
      return `(select count(*) from written where ${IS_NEW})`;
    case "before":
      return target.conflict === null ? "null" : countUnseen(writer, target.conflict, target);
  }
}

/** Values of the primary key as their JSON has them, since that is how they are read. */
function renderLocation({ read }: WriteTarget): string {
  const { primaryKey } = read.relation;
  if (primaryKey.length === 0) return "null";
  const keys = primaryKey.map((name) => `to_json(w.${quote(name)}) #>> '{}'`).join(", ");
  return `(select json_build_array(${keys})::text from written w where ${AFFECTED} = 1)`;
}

/** The rows that the answer shows, or, when it shows none, those that are counted. */
function renderShown(writer: Writer, target: WriteTarget, shape: WriteShape): string {
  if (shape.answers !== "body") return "written";
  const { read } = target;
  const alias = writer.alias();
  const row = `${alias}.${WHOLE_ROW}`;
  if (takesWholeRow(target, shape)) writer.rowIs(alias, row);
  const list = shape.media.takesRow ? aggregatedRow(row) : undefined;
  const source = { from: "written", alias, tests: innerTests(writer, read, alias), list };
  return `(${renderRows(writer, { ...read, range: ALL_ROWS }, source, Infinity, shape.maxRows)})`;
}

/** Whether rows were not as the request's condition wants them. */
function renderMissed(writer: Writer, target: WriteTarget): string | null {
  const { precondition } = target;
  if (precondition === null || isNoChange(target)) return null;
  if (precondition.kind === "match") return `${AFFECTED} = 0`;
  return `${AFFECTED} <> ${writer.bind(String(precondition.rowCount))}::bigint`;
}

/** Whether an upsert left a row as it was, which only one that is deleted makes it do. */
function renderDeleted(writer: Writer, { conflict, keepsDeleted, read, isPut, rowCount }: WriteTarget): string | null {
  if (!keepsDeleted || conflict?.isMerge !== true) return null;
  if (!isPut) return `${AFFECTED} < ${writer.bind(String(rowCount))}::bigint`;
  const alias = writer.alias();
  const tests = [...ownTests(writer, read, alias), `${alias}.${quote(DELETED_AT)} is not null`];
  return `${AFFECTED} = 0 and exists (select from ${writer.table(read.relation)} ${alias}${where(tests)})`;
}

function renderAnswer(writer: Writer, target: WriteTarget, shape: WriteShape): string {
  const maxShown = shape.answers === "body" ? shape.maxRows : null;
  const shown = renderShown(writer, target, shape);
  const columns = [
    "count(*)",
    shape.answers === "body" ? shape.media.body : "null",
    shape.answers === "location" ? renderLocation(target) : "null",
    renderNew(writer, target, shape),
    ...renderRefusals(writer, {
      ...shape,
      affected: AFFECTED,
      maxShown,
      missed: renderMissed(writer, target),
      deleted: renderDeleted(writer, target),
    }),
  ];
  return `select ${columns.join(", ")} from ${shown} t`;
}

function renderWritten(writer: Writer, target: WriteTarget, shape: WriteShape, alias: string): string {
  const columns = returned(target, shape, alias);
  if (!isNoChange(target)) return `${renderChange(writer, target, alias)} returning ${columns}`;
  return shape.answers === "body"
    ? `select ${columns} from ${writer.table(target.read.relation)} ${alias} where false`
    : "select where false";
}

function renderText(writer: Writer, target: WriteTarget, shape: WriteShape): string {
  const alias = writer.alias();
  const keeps = shape.idempotency !== null && shape.idempotency !== undefined;
  const isBound = target.precondition !== null || (target.keepsDeleted && target.conflict?.isMerge === true);
  const isPlain =
    shape.answers === "count" && shape.maxAffected === null && shape.wants === "any" && !isBound && !keeps;
  if (isPlain && newRows(target, shape) === null && !isNoChange(target)) return renderChange(writer, target, alias);
  const written = `written as (${renderWritten(writer, target, shape, alias)})`;
  return renderKeeping(writer, written, renderAnswer(writer, target, shape), ANSWER_COLUMNS, shape.idempotency);
}

/**
 * Target to statement. When it answers one row, that has: number of rows that the answer is about; the body, or null; the values of the
 * primary key as a JSON array, or null; how many of them were new, or null. When only the number matters, there is no row and the command
 * tag tells it.
 */
export function renderWrite(target: WriteTarget, shape: WriteShape, options: WriterOptions): Statement {
  const writer = new Writer(options);
  const text = renderText(writer, target, shape);
  return explain(shape.media, { name: statementName(text), text, values: writer.values });
}
