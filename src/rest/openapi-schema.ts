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
]);

const TEXT: JsonSchema = { type: "string" };

function typeSchema({ castType, category, labels }: Column): JsonSchema {
  if (labels !== null) return { type: "string", enum: labels };
  if (category !== "A" || !castType.endsWith("[]"))
    return TYPES.get(castType) ?? (category === "A" ? { type: "array" } : TEXT);
  return { type: "array", items: TYPES.get(castType.slice(0, -2)) ?? TEXT };
}

function orNull(schema: JsonSchema): JsonSchema {
  if (typeof schema["type"] !== "string") return schema;
  const { type, enum: labels, ...rest } = schema;
  return { ...rest, type: [type, "null"], ...(Array.isArray(labels) && { enum: [...labels, null] }) };
}

function columnSchema(column: Column): JsonSchema {
  const schema = typeSchema(column);
  return {
    ...(column.nullable ? orNull(schema) : schema),
    ...(column.comment !== null && { description: column.comment }),
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

/** A row as it is read, as it is inserted and as it is changed; the last two only where the API role may. */
export function relationSchemas({ name, columns, comment, verbs }: Relation): Record<string, JsonSchema> {
  const all = [...columns.values()];
  const written = all.filter((column) => !column.generated);
  const component = componentName(name);
  const schemas: Record<string, JsonSchema> = {
    [component]: objectSchema(
      all,
      all.filter((column) => !column.nullable),
      comment,
    ),
  };
  if (verbs.has("insert")) {
    const required = written.filter((column) => !column.nullable && !column.hasDefault);
    schemas[`${component}.insert`] = objectSchema(written, required, null);
  }
  if (verbs.has("update")) schemas[`${component}.update`] = objectSchema(written, [], null);
  return schemas;
}
