import type { Column, Relation } from "../catalog/catalog.ts";
import { componentName } from "./openapi-schema.ts";

type Json = Readonly<Record<string, unknown>>;

const schemaOf = (name: string, suffix = ""): Json => ({
  $ref: `#/components/schemas/${componentName(name)}${suffix}`,
});
const parameter = (name: string): Json => ({ $ref: `#/components/parameters/${name}` });
const failure: Json = { $ref: "#/components/responses/Error" };

const query = (name: string, description: string, schema: Json = { type: "string" }, example?: string): Json => ({
  name,
  in: "query",
  description,
  schema,
  ...(example !== undefined && { example }),
});

/** Parameters that every relation takes, by the key that operations refer to. */
export const COMMON_PARAMETERS: Json = {
  select: query("select", "Columns to answer, and embedded relations with theirs.", undefined, "*"),
  order: query("order", "Columns to sort by.", undefined, "id.desc.nullslast"),
  limit: query("limit", "The most rows to answer.", { type: "integer", minimum: 0 }),
  offset: query("offset", "How many rows to leave out first.", { type: "integer", minimum: 0 }),
  columns: query("columns", "The keys of the body to insert; others are left unread."),
  onConflict: query("on_conflict", "Columns of the unique key that decides what is a duplicate."),
  preferRead: {
    name: "Prefer",
    in: "header",
    description: "`count=exact` adds the number of all rows to Content-Range.",
    schema: { type: "string" },
    example: "count=exact",
  },
  preferWrite: {
    name: "Prefer",
    in: "header",
    description:
      "`return=representation` answers the rows; `resolution=merge-duplicates` or `ignore-duplicates` makes an insert an upsert; `missing=default` fills what rows leave out.",
    schema: { type: "string" },
    example: "return=representation",
  },
};

function filters(columns: Iterable<Column>): Json[] {
  return [...columns].map(({ name, type }) =>
    query(
      name,
      `Filter by operator and value (${type}): eq, neq, gt, gte, lt, lte, like, ilike, in, is; not. before it negates.`,
    ),
  );
}

function rows(relation: Relation, description: string): Json {
  const items = schemaOf(relation.name);
  return {
    description,
    headers: {
      "Content-Range": { description: "Rows in the answer, and how many there are.", schema: { type: "string" } },
    },
    content: {
      "application/json": { schema: { type: "array", items } },
      "application/vnd.pgrst.object+json": { schema: items },
    },
  };
}

function body(relation: Relation, suffix: string, allowsMany: boolean): Json {
  const schema = schemaOf(relation.name, suffix);
  const many = { oneOf: [schema, { type: "array", items: schema }] };
  return { required: true, content: { "application/json": { schema: allowsMany ? many : schema } } };
}

function readOperation(relation: Relation): Json {
  const common = ["select", "order", "limit", "offset", "preferRead"].map(parameter);
  return {
    summary: `Read ${relation.name}`,
    tags: [relation.name],
    parameters: [...common, ...filters(relation.columns.values())],
    responses: { 200: rows(relation, "The rows."), 206: rows(relation, "A part of the rows."), default: failure },
  };
}

function insertOperation(relation: Relation): Json {
  return {
    summary: `Insert into ${relation.name}`,
    tags: [relation.name],
    parameters: ["select", "columns", "onConflict", "preferWrite"].map(parameter),
    requestBody: body(relation, ".insert", true),
    responses: { 201: rows(relation, "Inserted; rows with return=representation."), default: failure },
  };
}

function changeOperation(relation: Relation, summary: string): Json {
  return {
    summary,
    tags: [relation.name],
    parameters: [...["select", "preferWrite"].map(parameter), ...filters(relation.columns.values())],
    responses: {
      200: rows(relation, "The rows, with return=representation."),
      204: { description: "Done." },
      default: failure,
    },
  };
}

/** The operations of one relation that the API role has the rights for. */
export function relationPath(relation: Relation): Json {
  const { name, verbs, comment } = relation;
  return {
    ...(comment !== null && { description: comment }),
    ...(verbs.has("select") && { get: readOperation(relation) }),
    ...(verbs.has("insert") && { post: insertOperation(relation) }),
    ...(verbs.has("update") && {
      patch: { ...changeOperation(relation, `Change rows of ${name}`), requestBody: body(relation, ".update", false) },
    }),
    ...(verbs.has("delete") && { delete: changeOperation(relation, `Delete rows of ${name}`) }),
  };
}
