import type { Catalog, Column, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { hintColumns } from "./column-hint.ts";
import { suggest } from "./suggestion.ts";

/** @throws RowhouseError tableUnknown, with the nearest table that is served */
export function findRelation(catalog: Catalog, name: string): Relation {
  const relation = catalog.relations.get(name);
  if (relation !== undefined) return relation;
  const near = suggest(name, catalog.relations.keys(), 0.75);
  throw new RowhouseError("tableUnknown", {
    message: `Could not find the table '${catalog.schema}.${name}' in the schema cache`,
    hint: near === undefined ? undefined : `Perhaps you meant the table '${catalog.schema}.${near}'`,
  });
}

/** @throws RowhouseError tenantIdGiven: a client neither names it nor calls anything by it */
export function refuseTenantId(name: string | null): void {
  if (name !== "tenant_id") return;
  throw new RowhouseError("tenantIdGiven", {
    message: "The request names tenant_id, which is not part of the API",
    hint: "Leave it out: the token says whose rows are meant.",
  });
}

/**
 * A name that does not exist and that PostgREST leaves to PostgreSQL to find out, so that clients know the refusal by PostgreSQL's code
 * and words.
 */
export class MissingName extends RowhouseError {
  readonly sqlstate: string;

  constructor(sqlstate: "42703" | "42704" | "42712", message: string, hint?: string) {
    super("columnUnknown", { message, hint });
    this.sqlstate = sqlstate;
  }
}

/**
 * A column that a query reads, filters or sorts by.
 * @param label what PostgreSQL would call the table in its message
 * @throws MissingName; RowhouseError tenantIdGiven
 */
export function findColumn(relation: Relation, name: string, label = relation.name): Column {
  const column = relation.columns.get(name);
  if (column !== undefined) return column;
  refuseTenantId(name);
  throw new MissingName("42703", `column ${label}.${name} does not exist`, hintColumns(relation, name, label));
}

/**
 * A column that a body or the `columns` parameter writes.
 * @throws RowhouseError columnUnknown, tenantIdGiven
 */
export function findWritten(relation: Relation, name: string): Column {
  const column = relation.columns.get(name);
  if (column !== undefined) return column;
  refuseTenantId(name);
  throw new RowhouseError("columnUnknown", {
    message: `Could not find the '${name}' column of '${relation.name}' in the schema cache`,
  });
}
