import type { Column, Relation } from "../catalog/catalog.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** JSON Schema by PostgreSQL type, for what `row_to_json` makes of it. Whatever is not here is a string, as its text. */
const TYPES: ReadonlyMap<string, JsonSchema> = new Map<string, JsonSchema>([
  ["smallint", { type: "integer", format: "int32" }],
  ["integer", { type: "integer", format: "int32" }],
  ["bigint", { type: "integer", format: "int64" }],
  ["numeric", { type: "number" }],
  ["real", { type: "number", format: "float" }],
  ["double precision", { type: "number", format: "double" }],
  ["boolean", { type: "boolean" }],
  ["uuid", { type: "string", format: "uuid" }],
  ["date", { type: "string", format: "date" }],
  ["timestamp with time zone", { type: "string", format: "date-time" }],
  // Without a zone it is no date-time of RFC 3339, nor is a time one.
  ["timestamp without time zone", { type: "string" }],
  ["json", {}],
  ["jsonb", {}],
  ["record", { type: "object" }],
]);

const TEXT: JsonSchema = { type: "string" };

/** @param type as a cast names it, without a length */
export function valueSchema(type: string): JsonSchema {
  if (type.endsWith("[]")) return { type: "array", items: TYPES.get(type.slice(0, -2)) ?? TEXT };
  return TYPES.get(type) ?? TEXT;
}

function typeSchema({ type, castType, category, labels, representation }: Column): JsonSchema {
  if (representation?.toJson !== null && representation !== null) return {}; // what the app's own function makes of it
  if (labels !== null) return { type: "string", enum: labels };
  if (category === "A") return castType.endsWith("[]") ? valueSchema(castType) : { type: "array" };
  if (category === "C") return { type: "object" };
  const [, bits] = /^bit\((\d+)\)$/.exec(type) ?? [];
  return bits === undefined
    ? valueSchema(castType)
    : { type: "string", minLength: Number(bits), maxLength: Number(bits) };
}

function orNull(schema: JsonSchema): JsonSchema {
  if (typeof schema["type"] !== "string") return schema;
  const { type, enum: labels, ...rest } = schema;
  return { ...rest, type: [type, "null"], ...(Array.isArray(labels) && { enum: [...labels, null] }) };
}

/** A default that is a constant, as JSON; undefined for an expression. */
function constantOf({ defaultSql }: Column, { type }: JsonSchema): unknown {
  const [, quoted] = /^'((?:[^']|'')*)'(?:::[^']*)?$/.exec(defaultSql ?? "") ?? [];
  const text = quoted?.replaceAll("''", "'");
  if (type === "string") return text;
  const [, plain = text] = /^(true|false|-?\d+(?:\.\d+)?)(?:::[a-z ]+)?$/.exec(defaultSql ?? "") ?? [];
  if (plain === undefined || type === "array") return undefined;
  try {
    return JSON.parse(plain) as unknown;
  } catch {
    return undefined;
  }
}

function columnSchema(column: Column): JsonSchema {
  const schema = typeSchema(column);
  const constant = constantOf(column, schema);
  return {
    ...(column.nullable ? orNull(schema) : schema),
    ...(column.maxLength !== null && { maxLength: column.maxLength }),
    ...(column.comment !== null && { description: column.comment }),
    ...(constant !== undefined && { default: constant }),
    ...(column.generated && { readOnly: true }),
  };
}

function objectSchema(columns: readonly Column[], required: readonly Column[], description: string | null): JsonSchema {
  return {
    type: "object",
    ...(description !== null && { description }),
    properties: Object.fromEntries(columns.map((column) => [column.name, columnSchema(column)])),
    ...(required.length > 0 && { required: required.map(({ name }) => name) }),
  };
}

/** A name as OpenAPI allows in `components` (`[a-zA-Z0-9._-]`); others are escaped, each to another. */
export function componentName(name: string): string {
  return name.replace(/[^a-zA-Z0-9-]/gu, (character) =>
    character === "_" ? "_" : `.${character.codePointAt(0)?.toString(16)}.`,
  );
}

export const schemaRef = (name: string, suffix = ""): JsonSchema => ({
  $ref: `#/components/schemas/${componentName(name)}${suffix}`,
});

/** A row as it is read. Computed columns are in it when `select` names them, and so are never required. */
export function rowSchema({ columns, computed, comment }: Relation): JsonSchema {
  const own = [...columns.values()];
  return objectSchema(
    [...own, ...computed.values()],
    own.filter(({ nullable }) => !nullable),
    comment,
  );
}

/** A row as it is read, as it is inserted and as it is changed; the last two only where the API role may. */
export function relationSchemas(relation: Relation): Record<string, JsonSchema> {
  const { name, columns, verbs } = relation;
  const written = [...columns.values()].filter((column) => !column.generated);
  const component = componentName(name);
  const schemas: Record<string, JsonSchema> = { [component]: rowSchema(relation) };
  if (verbs.has("insert")) {
    const required = written.filter((column) => !column.nullable && !column.hasDefault);
    schemas[`${component}.insert`] = objectSchema(written, required, null);
  }
  if (verbs.has("update")) schemas[`${component}.update`] = objectSchema(written, [], null);
  return schemas;
}
