import type { JsonStep } from "../request/field.ts";
import type { ColumnCondition, ResolvedField } from "../target/target.ts";
import { arrayLiteral, quote, type Writer } from "./writer.ts";

const JSON_TYPES: ReadonlySet<string> = new Set(["json", "jsonb"]);
const TEXT_TYPES: ReadonlySet<string> = new Set(["text", "character varying", "bpchar"]);

function step(writer: Writer, { asText, key }: JsonStep): string {
  const arrow = asText ? "->>" : "->";
  return typeof key === "number" ? `${arrow}(${key})` : `${arrow}${writer.bind(key)}`;
}

/** What a JSON path leads to from the value that `sql` gives; composites and arrays go by way of `to_jsonb`. */
export function renderPath(writer: Writer, sql: string, castType: string, path: readonly JsonStep[]): string {
  if (path.length === 0) return sql;
  const document = JSON_TYPES.has(castType) ? sql : `to_jsonb(${sql})`;
  return `(${document}${path.map((each) => step(writer, each)).join("")})`;
}

/** A column, stored or computed from the row, or what its JSON path leads to. */
export function renderField(writer: Writer, { column, path, computedIn }: ResolvedField, alias: string): string {
  const name = quote(column.name);
  const value = computedIn === null ? `${alias}.${name}` : `${quote(computedIn)}.${name}(${writer.rowOf(alias)})`;
  return renderPath(writer, value, column.castType, path);
}

/** What makes a value of a domain of the text in a filter (PostgREST, Domain Representations); mostly nothing does. */
function parserOf({ field }: ColumnCondition): string | null {
  return field.path.length === 0 ? (field.column.representation?.fromText ?? null) : null;
}

/** PostgreSQL takes a value whose type nobody says for one of the type beside it, so that a column's index serves. */
function bindValue(writer: Writer, condition: ColumnCondition): string {
  const { operator, quantifier, values } = condition;
  const [value = ""] = values;
  const text = writer.bind(operator.kind === "pattern" ? value.replaceAll("*", "%") : value);
  const parser = operator.kind === "pattern" || operator.kind === "distinct" ? null : parserOf(condition);
  if (quantifier === null) return parser === null ? text : `${parser}(${text}::text)`;
  return `${quantifier}(${parser === null ? text : `select ${parser}(unnest(${text}::text[]))`})`;
}

/** An array column's elements are arrays, and those PostgreSQL has no array of. */
function renderList(writer: Writer, condition: ColumnCondition, left: string): string {
  const { field, values } = condition;
  const parser = parserOf(condition);
  if (parser !== null) return `${left} = any(select ${parser}(unnest(${writer.bind(arrayLiteral(values))}::text[])))`;
  const isArray = field.column.category === "A" && field.path.length === 0;
  if (!isArray) return `${left} = any(${writer.bind(arrayLiteral(values))})`;
  return `${left} in (${values.map((value) => writer.bind(value)).join(", ")})`;
}

/** Text and JSON are made a document first; what is one already is searched as it stands, by its index. */
function renderSearch(writer: Writer, { field, operator, language, values }: ColumnCondition, left: string): string {
  const config = language === null ? "" : `${writer.bind(language)}::regconfig, `;
  const isDocument = field.path.length === 0 && field.column.castType === "tsvector";
  const document = isDocument ? left : `to_tsvector(${config}${left})`;
  return `${document} @@ ${operator.sql}(${config}${writer.bind(values[0] ?? "")}::text)`;
}

/** Row-level security keeps LIKE from any index; `^@` may use one, and finds the same rows (threats.md, Leakproof operators). */
const PREFIX = /^[^*%_\\]+[*%]$/;

function renderPattern(writer: Writer, condition: ColumnCondition, left: string): string {
  const { field, operator, quantifier, values } = condition;
  const like = `${left} ${operator.sql} ${bindValue(writer, condition)}`;
  const [pattern = ""] = values;
  const isPrefix = operator.sql === "like" && quantifier === null && PREFIX.test(pattern);
  if (!isPrefix || field.path.length > 0 || !TEXT_TYPES.has(field.column.castType)) return like;
  return `(${left} ^@ ${writer.bind(pattern.slice(0, -1))}::text and ${like})`;
}

/** A filter on one column of `alias`, without its negation. */
export function renderFilter(writer: Writer, condition: ColumnCondition, alias: string): string {
  const { operator, values } = condition;
  // Nothing is in no list. The field isn't written: what it would bind, its JSON path's keys, the statement would not use (08P01).
  if (operator.kind === "list" && values.length === 0) return "false";
  const left = renderField(writer, condition.field, alias);
  switch (operator.kind) {
    case "list":
      return renderList(writer, condition, left);
    case "is":
      return `${left} is ${values[0]}`;
    case "search":
      return renderSearch(writer, condition, left);
    case "pattern":
      return renderPattern(writer, condition, left);
    case "compare":
    case "distinct":
    case "inferred":
    case "regex":
      return `${left} ${operator.sql} ${bindValue(writer, condition)}`;
  }
}
