import type {
  Catalog,
  Column,
  ComputedRelationship,
  Parameter,
  Relation,
  Returns,
  Routine,
} from "../catalog/catalog.ts";
import { columnType, keyOf, nullableType, scalarType, type TypeSource } from "./typescript-type.ts";

function argumentsType(parameters: readonly Parameter[], source: TypeSource): string {
  if (parameters.length === 0) return "never";
  const fields = parameters.map(
    ({ name, type, castType, isRequired }) =>
      `${keyOf(name)}${isRequired ? "" : "?"}: ${scalarType(castType.includes(".") ? type : castType, source)}`,
  );
  return `{ ${fields.join("; ")} }`;
}

function objectType(columns: Iterable<Column>, typeOf: (column: Column) => string): string {
  return `{ ${[...columns].map((column) => `${keyOf(column.name)}: ${typeOf(column)}`).join("; ")} }`;
}

/** What a function gives without a relation has no nulls that are known of, and so none are told. */
function returnsType(returns: Returns, source: TypeSource): string {
  switch (returns.kind) {
    case "void":
      return "undefined";
    case "scalar": {
      const type = scalarType(returns.castType.includes(".") ? returns.type : returns.castType, source);
      return returns.isSet ? `(${type})[]`.replace(/^\(([^ ]+)\)\[\]$/, "$1[]") : type;
    }
    case "rows": {
      const { relation, isServed, isSet } = returns;
      const row = objectType(relation.columns.values(), (column) =>
        isServed ? nullableType(column, source) : columnType(column, source),
      );
      return isSet ? `${row}[]` : row;
    }
  }
}

function setofOptions(from: string, to: string, isToOne: boolean, isSet: boolean): string {
  return `{ from: ${JSON.stringify(from)}; to: ${JSON.stringify(to)}; isOneToOne: ${isToOne}; isSetofReturn: ${isSet} }`;
}

function routineType({ parameters, returns, schema }: Routine, source: TypeSource): string {
  const parts = [`Args: ${argumentsType(parameters, source)}`, `Returns: ${returnsType(returns, source)}`];
  if (returns.kind === "rows" && returns.isServed && returns.relation.schema === schema)
    parts.push(`SetofOptions: ${setofOptions("*", returns.relation.name, !returns.isSet, returns.isSet)}`);
  return `{ ${parts.join("; ")} }`;
}

function rowType(schema: string, { kind, name }: Relation): string {
  const [where, key] = [JSON.stringify(schema), JSON.stringify(name)];
  return `Database[${where}]["${kind === "view" ? "Views" : "Tables"}"][${key}]["Row"]`;
}

/** As the client's types find it when a `select` embeds it. */
function relationshipType({ schema, from, to, isToOne }: ComputedRelationship, { relations }: Catalog): string {
  const [one, other] = [relations.get(from), relations.get(to)];
  if (one === undefined || other === undefined) return "never";
  const returns = rowType(schema, other) + (isToOne ? "" : "[]");
  return `{ Args: { "": ${rowType(schema, one)} }; Returns: ${returns}; SetofOptions: ${setofOptions(from, to, isToOne, true)} }`;
}

/** The `Functions` of one schema by name: what can be called, and computed relationships. Overloads are a union. */
export function functionTypes(catalog: Catalog, source: TypeSource): [string, string][] {
  const called = [...catalog.routines].flatMap(([name, overloads]) =>
    overloads.map((routine) => ({ name, type: routineType(routine, source) })),
  );
  const computed = catalog.computedRelationships.map((each) => ({
    name: each.name,
    type: relationshipType(each, catalog),
  }));
  const byName = Map.groupBy([...called, ...computed], ({ name }) => name);
  return [...byName]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, all]) => [name, all.map(({ type }) => type).join(" | ")]);
}
