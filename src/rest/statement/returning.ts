import { WHOLE_ROW } from "../request/media.ts";
import type { Relationship } from "../target/relationship.ts";
import type { ReadTarget } from "../target/target.ts";
import { quote } from "./writer.ts";

/** By which columns of a row those of an embed are found. */
function joinColumns({ from, to, pairs, junction }: Relationship): string[] {
  const tenant = from.hasTenant && (junction?.relation ?? to).hasTenant ? ["tenant_id"] : [];
  return [...tenant, ...(junction === null ? pairs.map(([here]) => here) : junction.origin.referenced)];
}

/** The stored columns that the answer is made of, which may be fewer than there are, and than there is a right to read. */
function readColumns({ columns, embeds, order }: ReadTarget): string[] {
  const fields = [
    ...columns.map((column) => (column === "*" ? null : column.field)),
    ...order.map(({ embed, field }) => (embed === null ? field : null)),
  ];
  const own = fields.flatMap((field) => (field === null || field.computedIn !== null ? [] : [field.column.name]));
  const joined = embeds.flatMap(({ relationship }) =>
    relationship.computed === null ? joinColumns(relationship) : [],
  );
  return [...own, ...joined];
}

/**
 * The row of `alias` as one value. A list would take `alias` for a column of that name, and spread `alias.*`; an argument is neither.
 */
export function wholeRow(alias: string): string {
  return `coalesce(${alias}.*) as ${WHOLE_ROW}`;
}

/** The columns of `alias` by name, for a RETURNING that can't be empty. */
export function returnColumns(names: Iterable<string>, alias: string): string {
  const columns = [...new Set(names)].map((name) => `${alias}.${quote(name)}`);
  return columns.length === 0 ? "1" : columns.join(", ");
}

/**
 * What a change returns for an answer that shows its rows.
 * @param isWhole whether functions take the row in its table's own type, which a row of a CTE does not have
 * @param more columns that are wanted besides
 */
export function returnShown(read: ReadTarget, isWhole: boolean, more: readonly string[], alias: string): string {
  const columns = read.columns.includes("*") ? `${alias}.*` : returnColumns([...readColumns(read), ...more], alias);
  return isWhole ? `${columns}, ${wholeRow(alias)}` : columns;
}
