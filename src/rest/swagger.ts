import type { Catalog, Parameter, Relation, Routine } from "../catalog/catalog.ts";
import { quote } from "./statement/writer.ts";
import { argumentParameter, argumentsOf, definitionOf, type Json } from "./swagger-schema.ts";

/** Whose dialect this is, for tools that ask. */
const DIALECT_VERSION = "16";
const DOCUMENTATION = "https://postgrest.org/en/v16/references/api.html";

const OBJECT_TYPES = ["application/vnd.pgrst.object+json;nulls=stripped", "application/vnd.pgrst.object+json"];
const MEDIA_TYPES = ["application/json", ...OBJECT_TYPES, "text/csv"];

/** A name within a reference (RFC 6901 3). */
const pointer = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");

const ref = (name: string): Json => ({ $ref: `#/parameters/${pointer(name)}` });

const definition = (name: string): Json => ({ $ref: `#/definitions/${pointer(name)}` });

const text = (name: string, place: string, description: string | null, rest: Json = {}): Json => ({
  name,
  ...(description !== null && { description }),
  required: false,
  in: place,
  type: "string",
  ...rest,
});

const prefer = (values: readonly string[]): Json =>
  text("Prefer", "header", "Preference", values.length > 0 ? { enum: values } : {});

const RETURN = ["return=representation", "return=minimal", "return=none"];
const RESOLUTION = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];
const PAGING = "Limiting and Pagination";

const COMMON: Json = {
  preferParams: prefer([]),
  preferReturn: prefer(RETURN),
  preferCount: prefer(["count=none"]),
  preferPost: prefer([...RETURN, ...RESOLUTION]),
  select: text("select", "query", "Filtering Columns"),
  on_conflict: text("on_conflict", "query", "On Conflict"),
  order: text("order", "query", "Ordering"),
  range: text("Range", "header", PAGING),
  rangeUnit: text("Range-Unit", "header", PAGING, { default: "items" }),
  offset: text("offset", "query", PAGING),
  limit: text("limit", "query", PAGING),
};

function relationParameters({ name, columns }: Relation): [string, Json][] {
  const body = { name, description: name, required: false, in: "body", schema: definition(name) };
  return [
    [`body.${name}`, body],
    ...[...columns.values()].map((column): [string, Json] => [
      `rowFilter.${name}.${column.name}`,
      text(column.name, "query", column.comment),
    ]),
  ];
}

/** The first line of a comment, and what follows it. */
function describe(comment: string | null): { summary?: string; description?: string } {
  if (comment === null) return {};
  const end = comment.indexOf("\n");
  if (end < 0) return { summary: comment };
  const description = comment.slice(end).replace(/^\n+/, "");
  return { summary: comment.slice(0, end), ...(description !== "" && { description }) };
}

const respond = (status: number, description: string, rest: Json = {}): Json => ({
  responses: { [status]: { description, ...rest } },
});

function relationPath(relation: Relation): Json {
  const { name, columns, comment, verbs } = relation;
  const operation = { tags: [name], ...describe(comment) };
  const filters = [...columns.keys()].map((column) => ref(`rowFilter.${name}.${column}`));
  const paging = ["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"].map(ref);
  const rows = { schema: { type: "array", items: definition(name) } };
  const body = ref(`body.${name}`);
  const get = {
    ...operation,
    parameters: [...filters, ...paging],
    responses: { 200: { description: "OK", ...rows }, 206: { description: "Partial Content" } },
  };
  const post = { ...operation, parameters: [body, ref("select"), ref("preferPost")], ...respond(201, "Created") };
  const remove = { ...operation, parameters: [...filters, ref("preferReturn")], ...respond(204, "No Content") };
  const patch = { ...operation, parameters: [...filters, body, ref("preferReturn")], ...respond(204, "No Content") };
  return {
    ...(verbs.has("select") && { get }),
    ...(verbs.has("insert") && { post }),
    ...(verbs.has("delete") && { delete: remove }),
    ...(verbs.has("update") && { patch }),
  };
}

/** As in PostgREST's document: an argument's type of the function's own schema goes without it, unlike a column's. */
function localParameters({ schema, parameters }: Routine): Parameter[] {
  const prefix = [`${schema}.`, `${quote(schema)}.`];
  const local = (type: string) => type.slice(prefix.find((each) => type.startsWith(each))?.length ?? 0);
  return parameters.map((parameter) => ({ ...parameter, type: local(parameter.type) }));
}

function routinePath(routine: Routine): Json {
  const { name, comment, volatility } = routine;
  const parameters = localParameters(routine);
  const operation = {
    tags: [`(rpc) ${name}`],
    ...describe(comment),
    produces: ["application/json", ...OBJECT_TYPES],
    ...respond(200, "OK"),
  };
  const body = { name: "args", required: true, in: "body", schema: argumentsOf({ parameters, comment }) };
  return {
    ...(volatility !== "volatile" && { get: { ...operation, parameters: parameters.map(argumentParameter) } }),
    post: { ...operation, parameters: [body, ref("preferParams")] },
  };
}

const ROOT: Json = {
  get: {
    tags: ["Introspection"],
    summary: "OpenAPI description (this document)",
    produces: ["application/openapi+json", "application/json"],
    ...respond(200, "OK"),
  },
};

/** What the description says besides the catalog. */
export interface SwaggerHead {
  /** `/rest/v1` */
  readonly basePath: string;
  /** Whether it says that a token is wanted. */
  readonly tellsSecurity: boolean;
}

/** PostgREST, openapi-security-active. OpenAPI 2.0 knows no bearer tokens: it is a header like an API key's. */
const SECURITY: Json = {
  security: [{ JWT: [] }],
  securityDefinitions: {
    JWT: {
      description: 'Add the token prepending "Bearer " (without quotes) to it',
      in: "header",
      name: "Authorization",
      type: "apiKey",
    },
  },
};

/**
 * What a catalog's role may do with a schema as OpenAPI 2.0, in the shape that tools for PostgREST read: notes on keys in descriptions, and
 * parameters by `rowFilter.<relation>.<column>` (PostgREST, OpenAPI support). Of overloads it has one, since its paths have no place for more.
 */
export function swagger(catalog: Catalog, { basePath, tellsSecurity }: SwaggerHead): Json {
  const relations = [...catalog.relations.values()];
  const routines = [...catalog.routines.values()].flat();
  const { summary = "PostgREST API", description = "This is a dynamic API generated by PostgREST" } = describe(
    catalog.comment,
  );
  return {
    swagger: "2.0",
    info: { title: summary, description, version: DIALECT_VERSION },
    basePath,
    consumes: MEDIA_TYPES,
    produces: MEDIA_TYPES,
    paths: {
      "/": ROOT,
      ...Object.fromEntries(relations.map((relation) => [`/${relation.name}`, relationPath(relation)])),
      ...Object.fromEntries(routines.map((routine) => [`/rpc/${routine.name}`, routinePath(routine)])),
    },
    definitions: Object.fromEntries(relations.map((relation) => [relation.name, definitionOf(catalog, relation)])),
    parameters: { ...COMMON, ...Object.fromEntries(relations.flatMap(relationParameters)) },
    externalDocs: { description: "PostgREST Documentation", url: DOCUMENTATION },
    ...(tellsSecurity && SECURITY),
  };
}
