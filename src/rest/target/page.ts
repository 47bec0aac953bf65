import { RowhouseError } from "../../errors.ts";
import { readCursor, type CursorOf, type Keys } from "../request/cursor.ts";
import { isGrouped } from "./resolve.ts";
import type { ResolvedOrder, RootTarget } from "./target.ts";

/** A page of a listing that begins after a row and not at a number. */
export interface PageTarget {
  /** The request's order, completed by the primary key, so that no two rows are equal in it. */
  readonly terms: readonly ResolvedOrder[];
  /** Values of the terms in the row before the page; null for the first page. */
  readonly after: Keys | null;
}

function refuse(message: string, hint?: string): never {
  throw new RowhouseError("cursorInvalid", { message, hint });
}

function completeOrder({ relation, order }: RootTarget): ResolvedOrder[] {
  if (relation.primaryKey.length === 0)
    refuse(`'${relation.name}' has no primary key, and its rows can't be told apart`, "Use limit and offset.");
  if (order.some(({ embed }) => embed !== null))
    refuse("With a cursor, rows are ordered by columns of their own table", "Leave order=embed(column) out.");
  const named = new Set(order.flatMap(({ field }) => (field.path.length === 0 ? [field.column.name] : [])));
  const missing = relation.primaryKey.filter((name) => !named.has(name));
  return [
    ...order,
    ...missing.map((name) => {
      const field = { column: relation.columns.get(name)!, path: [], computedIn: null };
      return { field, embed: null, spreadName: null, isDescending: order[0]?.isDescending ?? false, nulls: null };
    }),
  ];
}

/**
 * The page that a cursor asks for.
 * @param cursor of the query
 * @throws RowhouseError cursorInvalid where the cursor does not fit, or the request can't be paged so
 */
export function resolvePage(target: RootTarget, cursor: string, of: CursorOf): PageTarget {
  if (target.range.offset !== 0) refuse("A cursor and an offset, or a Range, exclude each other");
  if (isGrouped(target)) refuse("Groups have no rows for a cursor to stand after", "Use limit and offset.");
  const terms = completeOrder(target);
  return { terms, after: readCursor(cursor, of, terms.length) };
}
