import type { Relation } from "../../catalog/catalog.ts";
import type { Aggregate, ReadTarget, ResolvedField, SelectedColumn } from "../target/target.ts";
import { renderField } from "./filter.ts";
import type { Writer } from "./writer.ts";

/** One key of the rows of a level. */
export interface Output {
  readonly name: string;
  /** Its value; where there is an aggregate, what goes into that. */
  readonly sql: string;
  readonly aggregate: Aggregate | null;
}

/** A column's value as the answer shows it: a domain may say how (PostgREST, Domain Representations). */
export function shownField(writer: Writer, field: ResolvedField, alias: string): string {
  const value = renderField(writer, field, alias);
  const shown = field.path.length === 0 ? field.column.representation?.toJson : undefined;
  return shown === undefined || shown === null ? value : `${shown}(${value})`;
}

export function castTo(sql: string, type: string | null): string {
  return type === null ? sql : `cast(${sql} as ${type})`;
}

/** The value of an output in its own level. */
export function outputValue({ sql, aggregate }: Output): string {
  if (aggregate === null) return sql;
  return castTo(`${aggregate.name}(${sql})`, aggregate.cast);
}

/** A whole row counts as anything that is not null. */
export function columnOutput(writer: Writer, { field, cast, aggregate, name }: SelectedColumn, alias: string): Output {
  if (field !== null) return { name, sql: castTo(shownField(writer, field, alias), cast), aggregate };
  return { name, sql: aggregate === null ? castTo("count(*)", cast) : "1", aggregate };
}

/** `*`: every column that is stored. */
export function starOutputs(writer: Writer, { columns }: Relation, alias: string): Output[] {
  return [...columns.values()].map((column) => ({
    name: column.name,
    sql: shownField(writer, { column, path: [], computedIn: null }, alias),
    aggregate: null,
  }));
}

/** Every key that is not an aggregate makes groups, by its place; nothing is said where all of them are aggregates, or none. */
export function renderGroups(list: readonly Output[]): string {
  if (list.every(({ aggregate }) => aggregate === null)) return "";
  const places = list.flatMap(({ aggregate }, n) => (aggregate === null ? [n + 1] : []));
  return places.length === 0 ? "" : ` group by ${places.join(", ")}`;
}

/** Whether the keys of a level have to be told apart: it has a spread or an aggregate. */
export function hasOutputs({ columns, embeds }: ReadTarget): boolean {
  return (
    embeds.some((embed) => embed.isSpread && !embed.isHidden) ||
    columns.some((column) => column !== "*" && (column.aggregate !== null || column.field === null))
  );
}

/** The target without what it shows, where only the number of rows matters; groups are numbered as well. */
export function withoutOutput(target: ReadTarget): ReadTarget {
  return hasOutputs(target) ? target : { ...target, columns: [], embeds: [], order: [] };
}
