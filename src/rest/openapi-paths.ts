import type { Catalog, Relation } from "../catalog/catalog.ts";
import { filterRefs, keyParameters, parameter, type Json } from "./openapi-parameter.ts";
import { READ_FAILURES, rows, WRITE_FAILURES } from "./openapi-response.ts";
import { componentName, schemaRef } from "./openapi-schema.ts";

/** A schema that is served, and whether others are beside it. */
export interface Described {
  readonly catalog: Catalog;
  readonly isOneOfMany: boolean;
}

/** The header that says which schema is meant, where there is a choice. */
export function profileParameter({ isOneOfMany }: Described, name: "acceptProfile" | "contentProfile"): Json[] {
  return isOneOfMany ? [parameter(name)] : [];
}

const bodyKey = ({ name }: Relation, form: string) => `${componentName(name)}.${form}`;

function body(schema: Json, allowsMany: boolean): Json {
  const many = { oneOf: [schema, { type: "array", items: schema }] };
  return {
    required: true,
    content: {
      "application/json": { schema: allowsMany ? many : schema },
      ...(allowsMany && { "text/csv": { schema: { type: "string" } } }),
      "application/x-www-form-urlencoded": { schema },
    },
  };
}

/** What is written, for operations to refer to. */
export function requestBodies(relation: Relation): Json {
  const { name, verbs } = relation;
  const inserted = schemaRef(name, ".insert");
  return {
    ...(verbs.has("insert") && { [bodyKey(relation, "insert")]: body(inserted, true) }),
    ...(verbs.has("insert") && verbs.has("update") && { [bodyKey(relation, "put")]: body(inserted, false) }),
    ...(verbs.has("update") && { [bodyKey(relation, "update")]: body(schemaRef(name, ".update"), false) }),
  };
}

const bodyRef = (relation: Relation, form: string): Json => ({
  $ref: `#/components/requestBodies/${bodyKey(relation, form)}`,
});

function readOperation(relation: Relation, described: Described): Json {
  const common = ["select", "order", "limit", "offset", "cursor", "range", "preferRead", "ifNoneMatch"].map(parameter);
  return {
    summary: `Read ${relation.name}`,
    tags: [relation.name],
    parameters: [...common, ...profileParameter(described, "acceptProfile"), ...filterRefs(relation)],
    responses: {
      200: rows(relation, "The rows."),
      206: rows(relation, "A part of the rows."),
      ...READ_FAILURES,
    },
  };
}

function insertOperation(relation: Relation, described: Described): Json {
  const common = ["select", "columns", "onConflict", "preferInsert", "idempotencyKey"].map(parameter);
  return {
    summary: `Insert into ${relation.name}`,
    tags: [relation.name],
    parameters: [...common, ...profileParameter(described, "contentProfile")],
    requestBody: bodyRef(relation, "insert"),
    responses: {
      201: rows(relation, "Inserted; rows with return=representation."),
      200: rows(relation, "All were there before, and were merged."),
      ...WRITE_FAILURES,
    },
  };
}

/** The one row of a primary key, made or replaced. */
function putOperation(relation: Relation, described: Described): Json {
  return {
    summary: `Put one row of ${relation.name}`,
    tags: [relation.name],
    parameters: [
      ...["select", "columns", "preferChange", "ifMatch"].map(parameter),
      ...profileParameter(described, "contentProfile"),
      ...keyParameters(relation),
    ],
    requestBody: bodyRef(relation, "put"),
    responses: {
      200: rows(relation, "Replaced; the row with return=representation."),
      201: rows(relation, "Made; the row with return=representation."),
      204: { description: "Done." },
      ...WRITE_FAILURES,
    },
  };
}

function changeOperation(
  relation: Relation,
  summary: string,
  described: Described,
  besides: readonly string[] = [],
): Json {
  return {
    summary,
    tags: [relation.name],
    parameters: [
      ...["select", "preferChange", "ifMatch", ...besides].map(parameter),
      ...profileParameter(described, "contentProfile"),
      ...filterRefs(relation),
    ],
    responses: {
      200: rows(relation, "The rows, with return=representation."),
      204: { description: "Done." },
      ...WRITE_FAILURES,
    },
  };
}

/** The operations of one relation that the API role has the rights for. */
export function relationPath(relation: Relation, described: Described): Json {
  const { name, verbs, comment, primaryKey } = relation;
  const change = () => changeOperation(relation, `Change rows of ${name}`, described, ["columns", "idempotencyKey"]);
  const canPut = verbs.has("insert") && verbs.has("update") && primaryKey.length > 0;
  return {
    ...(comment !== null && { description: comment }),
    ...(verbs.has("select") && { get: readOperation(relation, described) }),
    ...(verbs.has("insert") && { post: insertOperation(relation, described) }),
    ...(verbs.has("update") && { patch: { ...change(), requestBody: bodyRef(relation, "update") } }),
    ...(canPut && { put: putOperation(relation, described) }),
    ...(verbs.has("delete") && { delete: changeOperation(relation, `Delete rows of ${name}`, described) }),
  };
}
