import type { Catalog, Column, ForeignKey, Relation } from "../catalog/catalog.ts";
import type { NamedType } from "../catalog/named-type.ts";
import { functionTypes } from "./typescript-function.ts";
import { columnType, keyOf, nullableType, unionOf, type TypeSource } from "./typescript-type.ts";

/** The last that the client's types know: what they let a `select` spread depends on it. */
const CLIENT_VERSION = "14";

const HEAD = `// Written by \`rowhouse types\`. Write it anew after a migration.

export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];
`;

const TAIL = `
type Schemas = Omit<Database, "__InternalSupabase">;
type First = Schemas[DEFAULT];
type Relations<S extends keyof Schemas> = Schemas[S]["Tables"] & Schemas[S]["Views"];
type Part<Name, S extends keyof Schemas, P extends string> = Name extends keyof Relations<S>
  ? Relations<S>[Name] extends Record<P, infer Row> ? Row : never
  : never;

/** A row as it is read: Tables<"customers">, or Tables<"customers", "app">. */
export type Tables<Name extends keyof Relations<S>, S extends keyof Schemas = DEFAULT> = Part<Name, S, "Row">;
/** A row as it is inserted. */
export type TablesInsert<Name extends keyof Relations<S>, S extends keyof Schemas = DEFAULT> = Part<Name, S, "Insert">;
/** What of a row is changed. */
export type TablesUpdate<Name extends keyof Relations<S>, S extends keyof Schemas = DEFAULT> = Part<Name, S, "Update">;
export type Enums<Name extends keyof First["Enums"]> = First["Enums"][Name];
export type CompositeTypes<Name extends keyof First["CompositeTypes"]> = First["CompositeTypes"][Name];
`;

const NOTHING = "{ [_ in never]: never }";

const indent = (text: string) => text.replaceAll(/^(?=.)/gm, "  ");

/** `{ … }` with a line for each field; a comment stands before it. */
function block(
  fields: readonly { key: string; type: string; comment?: string | null; isOptional?: boolean }[],
): string {
  if (fields.length === 0) return NOTHING;
  const lines = fields.map(({ key, type, comment, isOptional }) => {
    const text = comment?.replaceAll("*/", "* /").trim().split("\n").join("\n * ");
    return `${text ? `/** ${text} */\n` : ""}${keyOf(key)}${isOptional ? "?" : ""}: ${type};`;
  });
  return `{\n${indent(lines.join("\n"))}\n}`;
}

const entries = (all: readonly (readonly [string, string])[]) => block(all.map(([key, type]) => ({ key, type })));

function writtenType(columns: Iterable<Column>, source: TypeSource, isInsert: boolean): string {
  const fields = [...columns].map((column) => ({
    key: column.name,
    type: column.generated ? "never" : nullableType(column, source),
    isOptional: !isInsert || column.generated || column.nullable || column.hasDefault,
  }));
  return block(fields);
}

function relationshipsOf({ name }: Relation, foreignKeys: readonly ForeignKey[]): string {
  const own = foreignKeys.filter(({ from }) => from === name);
  if (own.length === 0) return "[]";
  const names = (columns: readonly string[]) => `[${columns.map((column) => JSON.stringify(column)).join(", ")}]`;
  const tuples = own.map((key) =>
    entries([
      ["foreignKeyName", JSON.stringify(key.name)],
      ["columns", names(key.columns)],
      ["isOneToOne", String(key.oneToOne)],
      ["referencedRelation", JSON.stringify(key.to)],
      ["referencedColumns", names(key.referenced)],
    ]),
  );
  return `[\n${indent(tuples.join(",\n"))},\n]`;
}

function relationType(relation: Relation, { foreignKeys }: Catalog, source: TypeSource): string {
  const { columns, computed, verbs, kind } = relation;
  const row = [...columns.values(), ...computed.values()].map((column) => ({
    key: column.name,
    type: nullableType(column, source),
    comment: column.comment,
  }));
  const write = (verb: "insert" | "update") =>
    verbs.has(verb) ? writtenType(columns.values(), source, verb === "insert") : "never";
  const isWritten = kind === "table" || verbs.has("insert") || verbs.has("update");
  return entries([
    ["Row", block(row)],
    ...(isWritten
      ? ([
          ["Insert", write("insert")],
          ["Update", write("update")],
        ] as const)
      : []),
    ["Relationships", relationshipsOf(relation, foreignKeys)],
  ]);
}

function relationTypes(catalog: Catalog, kind: Relation["kind"], source: TypeSource): string {
  const relations = [...catalog.relations.values()].filter((relation) => relation.kind === kind);
  return block(
    relations.map((relation) => ({
      key: relation.name,
      type: relationType(relation, catalog, source),
      comment: relation.comment,
    })),
  );
}

const enumsOf = (all: Iterable<NamedType>, schema: string) =>
  [...all].filter((named) => named.schema === schema && named.kind === "enum");

function schemaType(catalog: Catalog, source: TypeSource): string {
  const own = [...source.named.values()].filter(({ schema }) => schema === catalog.schema);
  const composites = own.filter(({ kind }) => kind === "composite");
  return entries([
    ["Tables", relationTypes(catalog, "table", source)],
    ["Views", relationTypes(catalog, "view", source)],
    ["Functions", entries(functionTypes(catalog, source))],
    ["Enums", entries(enumsOf(own, catalog.schema).map(({ name, labels }) => [name, unionOf(labels)]))],
    [
      "CompositeTypes",
      entries(
        composites.map(({ name, attributes }) => [
          name,
          entries(attributes.map((column) => [column.name, `${columnType(column, source)} | null`])),
        ]),
      ),
    ],
  ]);
}

/** The labels of enums, to loop over. */
function constants({ catalogs, named }: TypeSource): string {
  const schemas = catalogs.map(({ schema }) => {
    const lines = enumsOf(named.values(), schema).map(
      ({ name, labels }) => `      ${keyOf(name)}: ${JSON.stringify(labels)},\n`,
    );
    return `  ${keyOf(schema)}: {\n    Enums: {\n${lines.join("")}    },\n  },\n`;
  });
  return `\nexport const Constants = {\n${schemas.join("")}} as const;\n`;
}

/**
 * The type that supabase-js takes, `createClient<Database>(…)`, in the shape that `supabase gen types typescript` writes.
 * @param catalogs one for each schema, the first being what a client gets that names none
 * @param named types of those schemas
 */
export function typescript(catalogs: readonly Catalog[], named: readonly NamedType[]): string {
  const source = { catalogs, named: new Map(named.map((each) => [each.qualified, each])) };
  const [first] = catalogs;
  const database = entries([
    ["__InternalSupabase", entries([["PostgrestVersion", JSON.stringify(CLIENT_VERSION)]])],
    ...catalogs.map((catalog) => [catalog.schema, schemaType(catalog, source)] as const),
  ]);
  const tail = TAIL.replaceAll("DEFAULT", JSON.stringify(first?.schema ?? "app"));
  return `${HEAD}\nexport type Database = ${database};\n${tail}${constants(source)}`;
}
