import type { Catalog, Column, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { suggest } from "./suggestion.ts";

/** @throws RowhouseError tableUnknown, with the nearest table that is served */
export function findRelation(catalog: Catalog, name: string): Relation {
  const relation = catalog.relations.get(name);
  if (relation !== undefined) return relation;
  const near = suggest(name, catalog.relations.keys());
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
 * A query reads, filters or sorts by a column that does not exist. PostgREST leaves that to PostgreSQL, so clients know the refusal by
 * PostgreSQL's code and words.
 */
export class MissingColumn extends RowhouseError {
  readonly sqlstate = "42703";
}

/**
 * A column that a query reads, filters or sorts by.
 * @throws MissingColumn; RowhouseError tenantIdGiven
 */
export function findColumn(relation: Relation, name: string): Column {
  const column = relation.columns.get(name);
  if (column !== undefined) return column;
  refuseTenantId(name);
  const near = suggest(name, relation.columns.keys());
  throw new MissingColumn("columnUnknown", {
    message: `column ${relation.name}.${name} does not exist`,
    hint: near === undefined ? undefined : `Perhaps you meant to reference the column "${relation.name}.${near}".`,
  });
}

/**
 * A column that a body or the `columns` parameter writes.
 * @throws RowhouseError columnUnknown, tenantIdGiven
 */
export function findWritten(relation: Relation, name: string): Column {
  const column = relation.columns.get(name);
  if (column !== undefined) return column;
  refuseTenantId(name);
  const near = suggest(name, relation.columns.keys());
  throw new RowhouseError("columnUnknown", {
    message: `Could not find the '${name}' column of '${relation.name}' in the schema cache`,
    hint: near === undefined ? undefined : `Perhaps you meant the column '${near}'`,
  });
}
