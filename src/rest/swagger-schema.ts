import type { Catalog, Column, Parameter, Relation, Routine } from "../catalog/catalog.ts";

export type Json = Readonly<Record<string, unknown>>;

const TYPES: ReadonlyMap<string, string | null> = new Map([
  ["boolean", "boolean"],
  ["smallint", "integer"],
  ["integer", "integer"],
  ["bigint", "integer"],
  ["numeric", "number"],
  ["real", "number"],
  ["double precision", "number"],
  ["json", null],
  ["jsonb", null],
]);

const FORMATS: ReadonlyMap<string, string> = new Map([
  ["smallint", "int32"],
  ["integer", "int32"],
  ["bigint", "int64"],
]);

/** Null for what may be any JSON. */
export function typeOf(type: string): string | null {
  const known = TYPES.get(type);
  if (known !== undefined) return known;
  return type.endsWith("[]") ? "array" : "string";
}

export function formatOf(type: string): string {
  return FORMATS.get(type) ?? type;
}

/** What a value of a type looks like; `items` of an array have a type and no more, since PostgREST says no more. */
export function typeSchema(type: string): Json {
  const kind = typeOf(type);
  const element = typeOf(type.slice(0, -2));
  return {
    ...(kind !== null && { type: kind }),
    format: formatOf(type),
    ...(kind === "array" && { items: element === null ? {} : { type: element } }),
  };
}

/** A domain over a type of pg_catalog is described as that type, any other by its own name (PostgREST, SchemaCache.hs). */
function describedType({ castType, type }: Column): string {
  if (castType.includes(".")) return type;
  return castType.replace(/^bpchar/, "character").replace(/^"bit"/, "bit");
}

/** The default as JSON where its SQL is a constant that reads as such, or a text; undefined for others. */
function defaultOf({ defaultSql, type: nominal, castType }: Column, type: string): unknown {
  if (defaultSql === null) return undefined;
  const names = [type, nominal, castType, type.split(".").at(-1) ?? ""].map((name) => `::${name}`);
  const cast = names.find((name) => defaultSql.endsWith(name));
  const constant = cast === undefined ? defaultSql : defaultSql.slice(0, -cast.length).replace(/^'+|'+$/g, "");
  try {
    return JSON.parse(typeOf(type) === "string" ? `"${constant}"` : defaultSql) as unknown;
  } catch {
    return undefined;
  }
}

/** Where foreign keys of one column lead, by that column; to a table rather than to a view of it. */
function linksOf({ foreignKeys, relations }: Catalog, { name }: Relation): ReadonlyMap<string, string> {
  const isView = (to: string) => Number(relations.get(to)?.kind === "view");
  const single = foreignKeys
    .filter(({ from, columns }) => from === name && columns.length === 1)
    .toSorted((one, other) => isView(other.to) - isView(one.to) || (one.to < other.to ? 1 : -1));
  // The last of a column stays.
  return new Map(
    single.map(({ columns: [column = ""], to, referenced: [there] }) => [
      column,
      `This is a Foreign Key to \`${to}.${there}\`.<fk table='${to}' column='${there}'/>`,
    ]),
  );
}

function describe({ comment }: Column, notes: readonly string[]): string | null {
  if (notes.length === 0) return comment;
  return (comment === null ? "" : `${comment}\n\n`) + ["Note:", ...notes].join("\n");
}

function propertyOf(column: Column, isKey: boolean, link: string | undefined): Json {
  const type = describedType(column);
  const constant = defaultOf(column, type);
  const description = describe(column, [
    ...(isKey ? ["This is a Primary Key.<pk/>"] : []),
    ...(link === undefined ? [] : [link]),
  ]);
  return {
    ...(constant !== undefined && { default: constant }),
    ...(description !== null && { description }),
    ...(column.labels !== null && { enum: column.labels }),
    ...typeSchema(type),
    ...(column.maxLength !== null && { maxLength: column.maxLength }),
  };
}

/** A relation as one of `definitions`, with the notes on keys that tools read. */
export function definitionOf(catalog: Catalog, relation: Relation): Json {
  const links = linksOf(catalog, relation);
  const columns = [...relation.columns.values()];
  const required = columns.filter(({ nullable }) => !nullable).map(({ name }) => name);
  return {
    ...(relation.comment !== null && { description: relation.comment }),
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(
      columns.map((column) => [
        column.name,
        propertyOf(column, relation.primaryKey.includes(column.name), links.get(column.name)),
      ]),
    ),
    type: "object",
  };
}

/** The arguments of a call as its body. */
export function argumentsOf({ parameters, comment }: Pick<Routine, "parameters" | "comment">): Json {
  const required = parameters.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  return {
    ...(comment !== null && { description: comment }),
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(parameters.map(({ name, type }) => [name, typeSchema(type)])),
    type: "object",
  };
}

/** One argument in the query string: an array is a text in braces, and one of several is given several times. */
export function argumentParameter({ name, type, isRequired, isVariadic }: Parameter): Json {
  const common = { name, in: "query", required: isRequired };
  const kind = typeOf(type);
  if (!isVariadic)
    return { ...common, type: kind === null || kind === "array" ? "string" : kind, format: formatOf(type) };
  const element = type.slice(0, -2);
  return {
    ...common,
    type: kind ?? "string",
    collectionFormat: "multi",
    items: { type: typeOf(element) ?? "string", format: formatOf(element) },
  };
}
