import type { Column } from "../../catalog/catalog.ts";
import type { Statement } from "../../db/statement.ts";
import { ALL_ROWS } from "../request/range.ts";
import type { Conflict, WriteTarget } from "../target/target.ts";
import { statementName } from "./name.ts";
import { renderRefusals, type WriteShape } from "./refusal.ts";
import { innerTests, ownTests } from "./rows.ts";
import { renderRows } from "./select.ts";
import { literal, quote, where, Writer, type WriterOptions } from "./writer.ts";

const list = (columns: readonly Column[]): string => columns.map(({ name }) => quote(name)).join(", ");

/** The body as rows `r`, each column in its table's type. */
function bodyRows(writer: Writer, { columns, json, usesDefaults }: WriteTarget): string {
  const types = columns.map(({ name, castType }) => `${quote(name)} ${castType}`).join(", ");
  const body = `${writer.bind(json)}::json`;
  if (!usesDefaults) return `json_to_recordset(${body}) as r(${types})`;
  // Each row by itself, so that one can tell a key that is null from one that is not there.
  const values = columns.map(({ name, defaultSql }) => {
    const value = `v.${quote(name)}`;
    return defaultSql === null
      ? value
      : `case when j.element->${literal(name)} is null then ${defaultSql} else ${value} end as ${quote(name)}`;
  });
  return `(select ${values.join(", ")} from json_array_elements(${body}) as j(element) cross join lateral json_to_record(j.element) as v(${types})) as r`;
}

function renderConflict({ columns, isMerge }: Conflict, { read, columns: written }: WriteTarget): string {
  const key = [...(read.relation.hasTenant ? ["tenant_id"] : []), ...columns.map(({ name }) => quote(name))];
  const sets = written.map(({ name }) => `${quote(name)} = excluded.${quote(name)}`);
  const action = isMerge && sets.length > 0 ? `do update set ${sets.join(", ")}` : "do nothing";
  return ` on conflict (${key.join(", ")}) ${action}`;
}

/** tenant_id is never among the columns: its default is the tenant that the transaction entered. */
function renderInsert(writer: Writer, target: WriteTarget): string {
  const { columns, conflict, read } = target;
  const into = `insert into ${writer.table(read.relation)}`;
  const onConflict = conflict === null ? "" : renderConflict(conflict, target);
  if (columns.length === 0)
    return `${into} select from json_array_elements(${writer.bind(target.json)}::json)${onConflict}`;
  const values = columns.map(({ name }) => `r.${quote(name)}`).join(", ");
  return `${into} (${list(columns)}) select ${values} from ${bodyRows(writer, target)}${onConflict}`;
}

function renderUpdate(writer: Writer, target: WriteTarget, alias: string): string {
  const sets = target.columns.map(({ name }) => `${quote(name)} = r.${quote(name)}`).join(", ");
  const tests = ownTests(writer, target.read, alias);
  // A list of several updates from its first row.
  const body = `(select * from ${bodyRows(writer, target)} limit 1) as r`;
  return `update ${writer.table(target.read.relation)} ${alias} set ${sets} from ${body}${where(tests)}`;
}

function renderDelete(writer: Writer, { read }: WriteTarget, alias: string): string {
  return `delete from ${writer.table(read.relation)} ${alias}${where(ownTests(writer, read, alias))}`;
}

function renderChange(writer: Writer, target: WriteTarget, alias: string): string {
  if (target.verb === "insert") return renderInsert(writer, target);
  return target.verb === "update" ? renderUpdate(writer, target, alias) : renderDelete(writer, target, alias);
}

/**
 * Whether a row came by insert and not by update: an updated one carries its transaction's lock (PostgreSQL, System Columns). Where there are no
 * system columns it can't be told, and the answer is 201.
 */
const IS_NEW = `"rowhouse is new"`;

function asksWhichAreNew({ conflict, read }: WriteTarget): boolean {
  return conflict?.isMerge === true && read.relation.kind === "table" && !read.relation.isPartitioned;
}

function renderLocation({ read }: WriteTarget): string {
  const { primaryKey } = read.relation;
  if (primaryKey.length === 0) return "null";
  const keys = primaryKey.map((name) => `w.${quote(name)}::text`).join(", ");
  return `(select json_build_array(${keys})::text from written w where (select count(*) from written) = 1)`;
}

/** The answer of a write that changes nothing, in the form of {@link renderWrite}: an update without columns. */
function renderNothing(shape: WriteShape, writer: Writer): string {
  const refusals = renderRefusals(writer, shape).map((column) => `, ${column}`);
  return `select count(*), ${shape.answers === "body" ? shape.media.body : "null"}, null, null${refusals.join("")} from (select where false) t`;
}

function renderAnswer(writer: Writer, target: WriteTarget, shape: WriteShape): string {
  const alias = writer.alias();
  const { read } = target;
  const shown = shape.answers === "body" ? read : { ...read, columns: [], embeds: [], order: [] };
  const source = { from: "written", alias, tests: innerTests(writer, read, alias) };
  const rows = renderRows(writer, { ...shown, range: ALL_ROWS }, source, Infinity, shape.maxRows);
  const columns = [
    "count(*)",
    shape.answers === "body" ? shape.media.body : "null",
    shape.answers === "location" ? renderLocation(target) : "null",
    asksWhichAreNew(target) ? `(select count(*) from written where ${IS_NEW})` : "null",
    ...renderRefusals(writer, shape),
  ];
  return `select ${columns.join(", ")} from (${rows}) t`;
}

/**
 * Target to statement. When it answers one row, that has: number of rows changed; the body, or null; the values of the primary key as a
 * JSON array, or null; how many of them were new, or null. When only the number matters, there is no row and the command tag tells it.
 */
export function renderWrite(target: WriteTarget, shape: WriteShape, options: WriterOptions): Statement {
  const writer = new Writer(options);
  const text = renderText(writer, target, shape);
  return { name: statementName(text), text, values: writer.values };
}

function renderText(writer: Writer, target: WriteTarget, shape: WriteShape): string {
  if (target.verb === "update" && target.columns.length === 0) return renderNothing(shape, writer);
  const alias = writer.alias();
  const change = renderChange(writer, target, alias);
  const asksNew = asksWhichAreNew(target);
  const isPlain = shape.answers === "count" && shape.maxAffected === null && !shape.media.isSingle;
  if (isPlain && !asksNew) return change;
  // An update has the body beside the table: only the table's columns are wanted.
  const all = target.verb === "insert" ? "*" : `${alias}.*`;
  const returning = asksNew ? `${all}, (xmax = 0) as ${IS_NEW}` : all;
  return `with written as (${change} returning ${returning}) ${renderAnswer(writer, target, shape)}`;
}
