import type { Parameter } from "../../catalog/catalog.ts";
import type { Statement } from "../../db/statement.ts";
import type { IdempotencyKey } from "../request/idempotency-key.ts";
import { WHOLE_ROW } from "../request/media.ts";
import { VALUE_COLUMN, type CallTarget } from "../target/resolve-call.ts";
import { renderKeeping } from "./kept.ts";
import { statementName } from "./name.ts";
import { withoutOutput } from "./output.ts";
import { explain } from "./plan.ts";
import { renderCallRefusals } from "./refusal.ts";
import { wholeRow } from "./returning.ts";
import { aggregatedRow, callTests, readsWholeRow } from "./rows.ts";
import { renderRows } from "./select.ts";
import { arrayLiteral, quote, where, Writer, type WriterOptions } from "./writer.ts";

export interface CallShape {
  readonly wantsBody: boolean;
  /** Whether to count all rows that the filters leave. */
  readonly wantsTotal: boolean;
  /** More rows than this undo the call. */
  readonly maxAffected: number | null;
  readonly maxRows: number;
  readonly idempotency?: IdempotencyKey | null;
}

/** Number, body, total. */
const ANSWER_COLUMNS = 3;

/** What the parentheses hold, and where its values come from, when that is not the statement's own. */
interface RenderedArguments {
  readonly list: string;
  readonly from: string | null;
}

const NO_ARGUMENTS: RenderedArguments = { list: "", from: null };

function argument({ name, isVariadic }: Parameter, value: string): string {
  return `${isVariadic ? "variadic " : ""}${quote(name)} := ${value}`;
}

/** Of several values the last counts, unless the parameter takes any number of them (PostgREST, Variadic Functions). */
function renderValues(
  writer: Writer,
  parameters: readonly Parameter[],
  values: ReadonlyMap<string, readonly string[]>,
): string {
  return parameters
    .map((parameter) => {
      const given = values.get(parameter.name) ?? [];
      const text = parameter.isVariadic ? arrayLiteral(given) : (given.at(-1) ?? null);
      return argument(parameter, `${writer.bind(text)}::${parameter.castType}`);
    })
    .join(", ");
}

/** PostgreSQL makes values of the JSON, each of its parameter's type; of a list's objects the first counts. */
function jsonSource(writer: Writer, parameters: readonly Parameter[], text: string, isList: boolean): string {
  const types = parameters.map(({ name, castType }) => `${quote(name)} ${castType}`).join(", ");
  const json = `${writer.bind(text)}::json`;
  if (!isList) return `json_to_record(${json}) as b(${types})`;
  return `(select * from json_to_recordset(${json}) as r(${types}) limit 1) b`;
}

/** The whole body, for the one parameter that has no name. */
function bodyValue(writer: Writer, { castType }: Parameter, { given }: CallTarget): string {
  if (given.kind === "values") return "null";
  if (given.kind === "json") return `${writer.bind(given.text)}::${castType}`;
  const text = castType === "bytea" ? `\\x${given.body.toString("hex")}` : given.body.toString("utf8");
  return `${writer.bind(text)}::${castType}`;
}

function renderArguments(writer: Writer, target: CallTarget): RenderedArguments {
  const { parameters, given } = target;
  const [first] = parameters;
  if (first === undefined) return NO_ARGUMENTS;
  if (first.name === "") return { list: bodyValue(writer, first, target), from: null };
  if (given.kind === "values") return { list: renderValues(writer, parameters, given.values), from: null };
  if (given.kind === "raw") return NO_ARGUMENTS;
  const list = parameters.map((parameter) => argument(parameter, `b.${quote(parameter.name)}`)).join(", ");
  return { list, from: jsonSource(writer, parameters, given.text, given.isList) };
}

/**
 * The result as rows of `called`. A value is computed once and in any case, whether or not it is shown; what a function in FROM is
 * asked for can be made part of its query where PostgreSQL sees fit.
 */
function renderCalled(writer: Writer, target: CallTarget, needsRow: boolean): string {
  const { schema, name } = target.routine;
  const { list, from } = renderArguments(writer, target);
  const call = `${quote(schema)}.${quote(name)}(${list})`;
  if (target.shape === "scalar" || target.shape === "scalars") {
    const source = from === null ? "" : ` from ${from}`;
    return `called as materialized (select ${call} as ${quote(VALUE_COLUMN)}${source})`;
  }
  const source = from === null ? "" : `${from} cross join lateral `;
  return `called as (select ${needsRow ? `${wholeRow("c")}, ` : ""}c.* from ${source}${call} c)`;
}

/**
 * Target to statement. Its one row has: how many rows there are in the answer; the body, or null; the total, or null. Refuses, and so
 * undoes the call, when the number of rows is not as wanted.
 */
export function renderCall(target: CallTarget, shape: CallShape, options: WriterOptions): Statement {
  const { read, media, shape: result } = target;
  const writer = new Writer(options);
  const alias = writer.alias();
  const isSet = result === "rows" || result === "scalars";
  const needsRow = media.takesRow || readsWholeRow(read);
  const called = renderCalled(writer, target, needsRow);
  if (needsRow) writer.rowIs(alias, `${alias}.${WHOLE_ROW}`);
  const tests = callTests(writer, target.read, alias);
  const list = media.takesRow ? aggregatedRow(`${alias}.${WHOLE_ROW}`) : undefined;
  const source = { from: "called", alias, tests, list };
  const shown = shape.wantsBody ? read : withoutOutput(read);
  const rows = renderRows(writer, shown, source, isSet ? shape.maxRows : Infinity, shape.maxRows);
  const total = shape.wantsTotal ? `(select count(*) from called ${alias}${where(tests)})` : "null";
  const refusals = renderCallRefusals(writer, media.isSingle && isSet, shape.maxAffected);
  const columns = ["count(*)", shape.wantsBody ? media.body : "null", total, ...refusals];
  const answer = `select ${columns.join(", ")} from (${rows}) t`;
  const text = renderKeeping(writer, called, answer, ANSWER_COLUMNS, shape.idempotency);
  return explain(media, { name: statementName(text), text, values: writer.values });
}
