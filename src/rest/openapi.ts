import type { Catalog } from "../catalog/catalog.ts";
import { commonParameters, filterParameters, type Json } from "./openapi-parameter.ts";
import { relationPath, requestBodies } from "./openapi-paths.ts";
import { ERROR_RESPONSES, ERROR_SCHEMAS, HEADERS, rowsResponse } from "./openapi-response.ts";
import { ROUTINES, routinePath } from "./openapi-routine.ts";
import { relationSchemas } from "./openapi-schema.ts";

export interface OpenApiInfo {
  readonly title: string;
  /** URL that the paths go after: `https://acme.example.com/rest/v1`. */
  readonly server: string;
  readonly description?: string;
}

const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A token of this tenant." },
  apikey: { type: "apiKey", in: "header", name: "apikey", description: "An API key of this tenant." },
};

/** What differs from one address to another. */
export function openApiHead({ title, server, description }: OpenApiInfo): Json {
  return {
    openapi: "3.1.0",
    info: { title, version: "1", ...(description !== undefined && { description }) },
    servers: [{ url: server }],
  };
}

/**
 * What a role may do with a schema, as the rest of an OpenAPI 3.1 document. It is the catalog that knows the role: one that was
 * introspected for another makes another document. `tenant_id` is not in it, since it is not in the catalog.
 * @param schemas all that are served, the first being the default
 */
export function openApiBody(catalog: Catalog, schemas: readonly string[]): Json {
  const relations = [...catalog.relations.values()];
  const described = { catalog, isOneOfMany: schemas.length > 1 };
  return {
    security: [{ bearer: [] }, { apikey: [] }],
    tags: [
      ...relations.map(({ name, comment }) => ({ name, ...(comment !== null && { description: comment }) })),
      ...(catalog.routines.size > 0 ? [{ name: ROUTINES, description: "Functions, to call." }] : []),
    ],
    paths: Object.fromEntries([
      ...relations.map((relation) => [`/${encodeURIComponent(relation.name)}`, relationPath(relation, described)]),
      ...[...catalog.routines].map(([name, overloads]) => [
        `/rpc/${encodeURIComponent(name)}`,
        routinePath(overloads, described),
      ]),
    ]),
    components: {
      schemas: Object.assign({ ...ERROR_SCHEMAS }, ...relations.map(relationSchemas)),
      parameters: Object.assign({ ...commonParameters(schemas) }, ...relations.map(filterParameters)),
      responses: Object.assign(
        { ...ERROR_RESPONSES },
        ...relations.map((relation) => rowsResponse(relation, catalog.handlers)),
      ),
      requestBodies: Object.assign({}, ...relations.map(requestBodies)),
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}
