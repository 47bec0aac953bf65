import type { MediaHandler, Relation } from "../catalog/catalog.ts";
import type { Json } from "./openapi-parameter.ts";
import { componentName, schemaRef } from "./openapi-schema.ts";

const ERROR: Json = {
  type: "object",
  required: ["code", "message", "details", "hint"],
  properties: {
    code: { type: "string", description: "Stable: a SQLSTATE, PGRSTxxx or RHxxx." },
    message: { type: "string" },
    details: {},
    hint: { type: ["string", "null"], description: "What to do about it." },
  },
};

const refusal = (description: string): Json => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/.error" } } },
});

export const ERROR_SCHEMAS: Json = { ".error": ERROR };

/** Refusals by the key that operations refer to. */
export const ERROR_RESPONSES: Json = {
  Error: refusal("A refusal; its code is stable."),
  BadRequest: refusal("The request can't be understood, or the database refuses its values."),
  Unauthorized: refusal("There is no token, or not one of this tenant."),
  Forbidden: refusal("The token's role may not do this."),
  Conflict: refusal("A unique or foreign key is in the way."),
  NotAcceptable: refusal("No such media type, or not exactly one row for an object."),
  RangeNotSatisfiable: refusal("There are no rows that far."),
};

const response = (name: string): Json => ({ $ref: `#/components/responses/${name}` });

const FAILURES: Json = {
  400: response("BadRequest"),
  401: response("Unauthorized"),
  403: response("Forbidden"),
  406: response("NotAcceptable"),
  default: response("Error"),
};
export const READ_FAILURES: Json = { ...FAILURES, 416: response("RangeNotSatisfiable") };
export const WRITE_FAILURES: Json = { ...FAILURES, 409: response("Conflict") };

const header = (description: string): Json => ({ description, schema: { type: "string" } });

/** Headers by the key that responses refer to. */
export const HEADERS: Json = {
  ContentRange: header("Rows in the answer, and how many there are."),
  PreferenceApplied: header("What was done of what Prefer asks."),
};

/** Rows in every form that they can be had in. */
export function rowsContent(items: Json, handlers: readonly string[] = []): Json {
  const others = handlers.filter((type) => type !== "*/*").map((type) => [type, { schema: { type: "string" } }]);
  return {
    "application/json": { schema: { type: "array", items } },
    "application/vnd.pgrst.object+json": { schema: items },
    "text/csv": { schema: { type: "string" } },
    ...Object.fromEntries(others),
  };
}

const rowsKey = ({ name }: Relation) => `${componentName(name)}.rows`;

/** Rows of a relation as a response, for operations to refer to. */
export function rowsResponse(relation: Relation, handlers: readonly MediaHandler[]): Json {
  const own = handlers.filter((handler) => handler.relation === null || handler.relation === relation.name);
  const types = own.map(({ mediaType }) => mediaType);
  return {
    [rowsKey(relation)]: {
      description: "Rows.",
      headers: {
        "Content-Range": { $ref: "#/components/headers/ContentRange" },
        "Preference-Applied": { $ref: "#/components/headers/PreferenceApplied" },
      },
      content: rowsContent(schemaRef(relation.name), types),
    },
  };
}

/** @param description in place of the response's own (OpenAPI 3.1, Reference Object) */
export function rows(relation: Relation, description: string): Json {
  return { ...response(rowsKey(relation)), description };
}
