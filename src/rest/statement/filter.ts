import type { Column } from "../../catalog/catalog.ts";
import type { JsonStep } from "../request/field.ts";
import type { ColumnCondition, ResolvedField } from "../target/target.ts";
import { arrayLiteral, quote, type Writer } from "./writer.ts";

const JSON_TYPES: ReadonlySet<string> = new Set(["json", "jsonb"]);
const TEXT_TYPES: ReadonlySet<string> = new Set(["text", "character varying", "bpchar"]);

function step(writer: Writer, { asText, key }: JsonStep): string {
  const arrow = asText ? "->>" : "->";
  return typeof key === "number" ? `${arrow}(${key})` : `${arrow}${writer.bind(key)}::text`;
}

/** A column, or what its JSON path leads to; composites and arrays go by way of `to_jsonb`. */
export function renderField(writer: Writer, { column, path }: ResolvedField, alias: string): string {
  const name = `${alias}.${quote(column.name)}`;
  if (path.length === 0) return name;
  const document = JSON_TYPES.has(column.castType) ? name : `to_jsonb(${name})`;
  return `(${document}${path.map((each) => step(writer, each)).join("")})`;
}

/** The type that a value is compared as: the column's own, so that its index serves. */
function typeOf({ column, path }: ResolvedField): string {
  const last = path.at(-1);
  if (last === undefined) return column.castType;
  if (last.asText) return "text";
  return column.castType === "json" ? "json" : "jsonb";
}

function bindValue(writer: Writer, { field, operator, quantifier, values }: ColumnCondition): string {
  const [value = ""] = values;
  const text = operator.kind === "pattern" ? value.replaceAll("*", "%") : value;
  const type = operator.kind === "compare" || operator.kind === "distinct" ? `::${typeOf(field)}` : "";
  if (quantifier === null) return writer.bind(text) + type;
  return `${quantifier}(${writer.bind(text)}${type === "" ? "" : `${type}[]`})`;
}

/** An array column's elements are arrays, and those PostgreSQL has no array of. */
function renderList(writer: Writer, { field, values }: ColumnCondition, left: string): string {
  const type = typeOf(field);
  if (values.length === 0) return "false";
  if (!isArray(field.column)) return `${left} = any(${writer.bind(arrayLiteral(values))}::${type}[])`;
  return `${left} in (${values.map((value) => `${writer.bind(value)}::${type}`).join(", ")})`;
}

function isArray({ category }: Column): boolean {
  return category === "A";
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
    case "off":
      return `${left} ${operator.sql} ${bindValue(writer, condition)}`;
  }
}
