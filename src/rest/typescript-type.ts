import type { Catalog, Column } from "../catalog/catalog.ts";
import type { NamedType } from "../catalog/named-type.ts";

/** What the written types stand on. */
export interface TypeSource {
  readonly catalogs: readonly Catalog[];
  /** By their qualified name. */
  readonly named: ReadonlyMap<string, NamedType>;
}

/** TypeScript by PostgreSQL type, for what `row_to_json` makes of it; whatever is not here is its text. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["smallint", "number"],
  ["integer", "number"],
  ["bigint", "number"],
  ["numeric", "number"],
  ["real", "number"],
  ["double precision", "number"],
  ["oid", "number"],
  ["boolean", "boolean"],
  ["json", "Json"],
  ["jsonb", "Json"],
  ["void", "undefined"],
  ["record", "Record<string, unknown>"],
]);

/** A key as TypeScript needs it: quoted when it is no identifier. */
export function keyOf(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : JSON.stringify(name);
}

const at = (...path: readonly string[]) => `Database${path.map((key) => `[${JSON.stringify(key)}]`).join("")}`;

export const unionOf = (labels: readonly string[]) =>
  labels.map((label) => JSON.stringify(label)).join(" | ") || "never";

/** Where the type has its place in `Database`; null for one that is not in it. */
function placeOf({ schema, name, kind }: NamedType, { catalogs }: TypeSource): string | null {
  const catalog = catalogs.find((each) => each.schema === schema);
  if (catalog === undefined) return null;
  if (kind === "enum") return at(schema, "Enums", name);
  if (kind === "composite") return at(schema, "CompositeTypes", name);
  const relation = catalog.relations.get(name);
  return relation === undefined ? null : at(schema, relation.kind === "view" ? "Views" : "Tables", name, "Row");
}

/** @param type as the catalog says it: `text`, `app.mood`, `app.mood[]` */
export function scalarType(type: string, source: TypeSource): string {
  if (type.endsWith("[]")) {
    const element = scalarType(type.slice(0, -2), source);
    return element.includes(" | ") ? `(${element})[]` : `${element}[]`;
  }
  const named = source.named.get(type);
  if (named !== undefined) return placeOf(named, source) ?? (unionOf(named.labels) || "unknown");
  return TYPES.get(type) ?? (type.includes(".") ? "unknown" : "string");
}

/** A column's type without its null. */
export function columnType({ type, castType, labels, representation }: Column, source: TypeSource): string {
  if (representation !== null && representation.toJson !== null) return "Json";
  // An array of a type of the app is cast by the array's own name, which says nothing of its elements.
  const found = scalarType(castType.includes(".") && type.endsWith("[]") ? type : castType, source);
  return found === "unknown" && labels !== null ? unionOf(labels) : found;
}

export function nullableType(column: Column, source: TypeSource): string {
  const type = columnType(column, source);
  return column.nullable ? `${type} | null` : type;
}
