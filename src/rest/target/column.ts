import type { Catalog, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import type { Field } from "../request/field.ts";
import type { ColumnItem } from "../request/select.ts";
import { findCast } from "./cast.ts";
import { findColumn, refuseTenantId } from "./names.ts";
import type { ResolvedField, SelectedColumn } from "./target.ts";

/**
 * A column, stored or computed, that a query reads, filters or sorts by.
 * @param label what PostgreSQL would call the table
 * @throws MissingName; RowhouseError tenantIdGiven
 */
export function resolveField(relation: Relation, { name, path }: Field, label?: string): ResolvedField {
  const computed = relation.columns.has(name) ? undefined : relation.computed.get(name);
  if (computed !== undefined) return { column: computed, path, computedIn: relation.schema };
  return { column: findColumn(relation, name, label), path, computedIn: null };
}

/** PostgreSQL cuts a longer identifier, and the key would come back as another. */
const MAX_NAME_BYTES = 63;

/** @throws RowhouseError tenantIdGiven, limitExceeded, requestMalformed: for a key of the answer that a client made up */
export function checkName(name: string): string {
  refuseTenantId(name);
  if (name.length > MAX_NAME_BYTES / 3 && Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new RowhouseError("limitExceeded", { message: `The alias '${name}' is longer than ${MAX_NAME_BYTES} bytes` });
  }
  if (name.includes("\0")) throw new RowhouseError("requestMalformed", { message: "An alias holds a null character" });
  return name;
}

/** Without an alias an aggregate is named for itself, and a JSON path for its last key; an array index names nothing. */
function nameOf({ alias, aggregate, field }: ColumnItem): string {
  if (alias !== null) return alias;
  if (aggregate !== null) return aggregate.name;
  const key = field.path.findLast((step) => typeof step.key === "string")?.key;
  return typeof key === "string" ? key : field.name;
}

/** `select=count` counts rows where there is no column of that name: to PostgreSQL `table.count` is `count(table)`, aggregates or not. */
function isRowCount({ columns, computed }: Relation, { field, aggregate }: ColumnItem): boolean {
  if (field.name === "*") return true;
  const isPlain = field.name === "count" && field.path.length === 0 && aggregate === null;
  return isPlain && !columns.has("count") && !computed.has("count");
}

/**
 * A column of `select`.
 * @throws MissingName; RowhouseError tenantIdGiven, limitExceeded
 */
export function resolveColumn(catalog: Catalog, relation: Relation, item: ColumnItem, label: string): SelectedColumn {
  const cast = (name: string | null) => (name === null ? null : findCast(catalog, name));
  const { aggregate } = item;
  return {
    field: isRowCount(relation, item) ? null : resolveField(relation, item.field, label),
    cast: cast(item.cast),
    aggregate: aggregate === null ? null : { name: aggregate.name, cast: cast(aggregate.cast) },
    name: checkName(nameOf(item)),
  };
}
