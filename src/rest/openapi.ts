import type { Catalog } from "../catalog/catalog.ts";
import { commonParameters } from "./openapi-parameter.ts";
import { relationPath } from "./openapi-paths.ts";
import { ERROR_RESPONSES, ERROR_SCHEMAS } from "./openapi-response.ts";
import { ROUTINES, routinePath } from "./openapi-routine.ts";
import { relationSchemas } from "./openapi-schema.ts";

export interface OpenApiInfo {
  readonly title: string;
  /** URL that the paths go after: `https://acme.example.com/rest/v1`. */
  readonly server: string;
  readonly description?: string;
  /** Every schema that is served, the first being the default; the catalog's own alone when left out. */
  readonly schemas?: readonly string[];
}

const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A token of this tenant." },
  apikey: { type: "apiKey", in: "header", name: "apikey", description: "An API key of this tenant." },
};

/**
 * What a role may do with a schema, as an OpenAPI 3.1 document. It is the catalog that knows the role: one that was introspected for
 * another makes another document. `tenant_id` is not in it, since it is not in the catalog.
 */
export function openApi(
  catalog: Catalog,
  { title, server, description, schemas = [catalog.schema] }: OpenApiInfo,
): object {
  const relations = [...catalog.relations.values()];
  const described = { catalog, isOneOfMany: schemas.length > 1 };
  const version = "1";
  return {
    openapi: "3.1.0",
    info: { title, version, ...(description !== undefined && { description }) },
    servers: [{ url: server }],
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
      parameters: commonParameters(schemas),
      responses: ERROR_RESPONSES,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}
