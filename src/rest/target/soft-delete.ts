import type { Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { OPERATORS } from "../request/operators.ts";
import type { ColumnCondition } from "./target.ts";

/** Which rows of a table with soft delete are meant: those that are there, all, or those that are deleted. */
export type DeletedRows = "hide" | "include" | "only";

/** The column that marks a row as deleted, by its time. */
export const DELETED_AT = "deleted_at";

/** A view shows of its tables what it says; a column that the database computes can't be set. */
export function hasSoftDelete({ kind, columns }: Relation): boolean {
  const column = columns.get(DELETED_AT);
  return kind === "table" && column?.castType === "timestamp with time zone" && column.nullable && !column.generated;
}

/** `deleted_at is null`, or `is not null` for `only`; undefined where there is nothing to test. */
export function deletedCondition(relation: Relation, rows: DeletedRows): ColumnCondition | undefined {
  const column = hasSoftDelete(relation) ? relation.columns.get(DELETED_AT) : undefined;
  const operator = OPERATORS.get("is");
  if (column === undefined || operator === undefined || rows === "include") return undefined;
  return {
    kind: "column",
    field: { column, path: [], computedIn: null },
    isNegated: rows === "only",
    operator,
    quantifier: null,
    language: null,
    values: ["null"],
  };
}

/**
 * Of which table `deleted=` may be said. Who may say it the database decides (`renderDeleted`).
 * @throws RowhouseError deletedUnknown
 */
export function checkDeleted(
  relation: Relation,
  given: DeletedRows | null,
  { settings }: { readonly settings: { readonly softDelete: boolean } },
): void {
  if (given === null) return;
  if (!settings.softDelete || !hasSoftDelete(relation)) {
    throw new RowhouseError("deletedUnknown", {
      message: `The rows of '${relation.name}' are not kept when they are deleted`,
      hint: "A table with a column deleted_at (timestamptz) keeps them, unless SOFT_DELETE is off.",
    });
  }
}
