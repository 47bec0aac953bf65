import type { Catalog } from "../catalog/catalog.ts";
import { COMMON_PARAMETERS, relationPath } from "./openapi-paths.ts";
import { relationSchemas } from "./openapi-schema.ts";

export interface OpenApiInfo {
  readonly title: string;
  /** URL that the paths go after: `https://acme.example.com/rest/v1`. */
  readonly server: string;
  readonly description?: string;
}

const ERROR = {
  description: "A refusal; its code is stable.",
  content: {
    "application/json": {
      schema: {
        type: "object",
        required: ["code", "message", "details", "hint"],
        properties: {
          code: { type: "string" },
          message: { type: "string" },
          details: {},
          hint: { type: ["string", "null"] },
        },
      },
    },
  },
};

const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A token of this tenant." },
  apikey: { type: "apiKey", in: "header", name: "apikey", description: "An API key of this tenant." },
};

/**
 * What the API role may do with the catalog, as an OpenAPI 3.1 document. `tenant_id` is not in it, since it is not in the catalog.
 */
export function openApi(catalog: Catalog, { title, server, description }: OpenApiInfo): object {
  const relations = [...catalog.relations.values()];
  return {
    openapi: "3.1.0",
    info: { title, version: "1", ...(description !== undefined && { description }) },
    servers: [{ url: server }],
    security: [{ bearer: [] }, { apikey: [] }],
    tags: relations.map(({ name, comment }) => ({ name, ...(comment !== null && { description: comment }) })),
    paths: Object.fromEntries(
      relations.map((relation) => [`/${encodeURIComponent(relation.name)}`, relationPath(relation)]),
    ),
    components: {
      schemas: Object.assign({}, ...relations.map(relationSchemas)),
      parameters: COMMON_PARAMETERS,
      responses: { Error: ERROR },
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}
