import type { Column } from "../../catalog/catalog.ts";
import type { WriteTarget } from "../target/write-target.ts";
import { literal, quote, type Writer } from "./writer.ts";

/** A column with a representation of its own is read as JSON first, which a function of the app makes its value of. */
function typeOf({ name, type, representation }: Column): string {
  return `${quote(name)} ${typeof representation?.fromJson === "string" ? "json" : type}`;
}

function valueOf({ name, representation }: Column): string {
  const given = `v.${quote(name)}`;
  return typeof representation?.fromJson === "string" ? `${representation.fromJson}(${given})` : given;
}

/** The default of a key that is not there; one that is null stays null. */
function valueOrDefault(column: Column, place: number): string {
  if (column.defaultSql === null) return valueOf(column);
  return `case when j.element ? ${literal(column.name)} then ${valueOf(column)} else j.c${place} end`;
}

/**
 * The elements of the body with the defaults of `columns`. Each row draws its own, also one that does without, as PostgREST lays the row
 * over them: a sequence gives the same numbers.
 */
function elementsWithDefaults(columns: readonly Column[], body: string): string {
  const elements = `jsonb_array_elements(${body}::jsonb) as j(element)`;
  const defaults = columns.flatMap(({ defaultSql }, place) =>
    defaultSql === null ? [] : [`, ${defaultSql} as c${place}`],
  );
  return defaults.length === 0 ? elements : `(select j.element${defaults.join("")} from ${elements}) as j`;
}

/**
 * The rows of the body as `r`, each column in its table's type. All of them are one parameter.
 * @param target with at least one column
 */
export function renderBodyRows(writer: Writer, { columns, json, usesDefaults }: WriteTarget): string {
  const types = columns.map(typeOf).join(", ");
  const body = writer.bind(json);
  const list = (value: (column: Column, place: number) => string) =>
    columns.map((column, place) => `${value(column, place)} as ${quote(column.name)}`).join(", ");
  if (usesDefaults)
    return `(select ${list(valueOrDefault)} from ${elementsWithDefaults(columns, body)} cross join lateral jsonb_to_record(j.element) as v(${types})) as r`;
  const rows = `json_to_recordset(${body}::json)`;
  if (columns.every(({ representation }) => representation?.fromJson == null)) return `${rows} as r(${types})`;
  return `(select ${list(valueOf)} from ${rows} as v(${types})) as r`;
}
