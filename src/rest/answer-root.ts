import type { Catalog } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import type { RestContext } from "./context.ts";
import type { RestRequest } from "./request/request.ts";
import type { RestAnswer } from "./response/response.ts";

/** The root: what the schema serves, as PostgREST's OpenAPI 2.0. */
export function answerRoot(_request: RestRequest, _catalog: Catalog, _context: RestContext): Promise<RestAnswer> {
  throw new RowhouseError("featureUnsupported", {
    message: "The root of the API does not answer yet",
    hint: "Its description is at /openapi.json.",
  });
}
