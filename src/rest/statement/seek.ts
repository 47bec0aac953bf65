import type { Keys } from "../request/cursor.ts";
import type { PageTarget } from "../target/page.ts";
import type { ResolvedOrder } from "../target/target.ts";
import { renderField } from "./filter.ts";
import { renderOrders } from "./page.ts";
import { where, type Writer } from "./writer.ts";

/** A term of the order with the value that the last row had there. */
interface Term {
  readonly sql: string;
  /** Bound, in the column's type; null for null. */
  readonly value: string | null;
  readonly isDescending: boolean;
  readonly isNullable: boolean;
  readonly nullsFirst: boolean;
}

function typeOf({ field: { column, path } }: ResolvedOrder): string {
  const last = path.at(-1);
  if (last === undefined) return column.castType;
  return last.asText ? "text" : "jsonb";
}

function termsOf(writer: Writer, { terms }: PageTarget, after: Keys, alias: string): Term[] {
  return terms.map((term, n) => {
    const { field, isDescending, nulls } = term;
    const value = after[n] ?? null;
    return {
      sql: renderField(writer, field, alias),
      value: value === null ? null : `${writer.bind(value)}::${typeOf(term)}`,
      isDescending,
      isNullable: field.column.nullable || field.path.length > 0 || field.computedIn !== null,
      // The default of ORDER BY (PostgreSQL manual, SELECT).
      nullsFirst: nulls === null ? isDescending : nulls === "first",
    };
  });
}

function isAfter({ sql, value, isDescending, isNullable, nullsFirst }: Term): string {
  if (value === null) return nullsFirst ? `${sql} is not null` : "false";
  const later = `${sql} ${isDescending ? "<" : ">"} ${value}`;
  return isNullable && !nullsFirst ? `(${later} or ${sql} is null)` : later;
}

function isEqual({ sql, value }: Term): string {
  return value === null ? `${sql} is null` : `${sql} = ${value}`;
}

/** One after the other: later in the first, or equal there and later in the rest. */
function stepwise(terms: readonly Term[]): string {
  const [first, ...rest] = terms;
  if (first === undefined) return "false";
  if (rest.length === 0) return isAfter(first);
  return `(${isAfter(first)} or (${isEqual(first)} and ${stepwise(rest)}))`;
}

/**
 * What the rows of a page have to pass: to come after the row that the cursor stands on. As a comparison of whole rows where that says the same,
 * since an index serves it (PostgreSQL manual, 9.25.5, Row Constructor Comparison).
 */
export function renderSeek(writer: Writer, page: PageTarget, alias: string): string | undefined {
  if (page.after === null) return undefined;
  const terms = termsOf(writer, page, page.after, alias);
  const [first] = terms;
  if (first === undefined) return undefined;
  const isUniform = terms.every(({ isDescending, isNullable }) => isDescending === first.isDescending && !isNullable);
  if (isUniform) {
    const list = (of: (term: Term) => string) => terms.map(of).join(", ");
    return `(${list(({ sql }) => sql)}) ${first.isDescending ? "<" : ">"} (${list(({ value }) => value ?? "null")})`;
  }
  // The bound alone lets an index begin at the right place.
  const bound =
    first.isNullable || first.value === null
      ? ""
      : `${first.sql} ${first.isDescending ? "<=" : ">="} ${first.value} and `;
  return `(${bound}${stepwise(terms)})`;
}

/** Where the rows of the page come from. */
export interface Paged {
  readonly from: string;
  readonly alias: string;
  readonly tests: readonly (string | undefined)[];
}

/**
 * SQL of where the next page begins: the values of the terms in the last row of this one, as a JSON array of texts; null when it is the last.
 * @param limit rows of the page
 */
export function renderNext(
  writer: Writer,
  { terms }: PageTarget,
  { from, alias, tests }: Paged,
  limit: number,
): string {
  if (limit === 0) return "null";
  const keys = terms.map(({ field }) => `(${renderField(writer, field, alias)})::text`).join(", ");
  const sorted = renderOrders(writer, terms, alias, new Map());
  const rows = `select json_build_array(${keys})::text as k from ${from} ${alias}${where(tests)}${sorted} limit 2 offset ${limit - 1}`;
  return `(select case when count(*) = 2 then (array_agg(n.k))[1] end from (${rows}) n)`;
}
