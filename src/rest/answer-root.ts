import type { Catalog } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { allowedCatalog } from "./allowed.ts";
import type { RestContext } from "./context.ts";
import type { RestRequest } from "./request/request.ts";
import { respondAllow } from "./response/options.ts";
import type { RestAnswer } from "./response/response.ts";
import { swagger } from "./swagger.ts";
import { negotiateRoot } from "./target/negotiate.ts";

/** A catalog of a thousand tables makes a large text; it changes with the catalog alone. */
const texts = new WeakMap<Catalog, { readonly basePath: string; readonly text: string }>();

function describe(catalog: Catalog, basePath: string): string {
  const made = texts.get(catalog);
  if (made?.basePath === basePath) return made.text;
  const text = JSON.stringify(swagger(catalog, basePath));
  texts.set(catalog, { basePath, text });
  return text;
}

/**
 * The root: what the schema serves and the role may do with it, as PostgREST's OpenAPI 2.0.
 * @throws RowhouseError restMethodUnsupported, mediaTypeUnsupported; what the run throws
 */
export async function answerRoot(
  { method, headers }: RestRequest,
  catalog: Catalog,
  { basePath, run }: RestContext,
): Promise<RestAnswer> {
  if (method === "OPTIONS") return respondAllow(["OPTIONS", "GET", "HEAD"]);
  if (method !== "GET" && method !== "HEAD")
    throw new RowhouseError("restMethodUnsupported", { message: `Unsupported HTTP method: ${method}` });
  const type = negotiateRoot(headers["accept"]);
  // HEAD as well: a token that is over gets no description.
  const allowed = await allowedCatalog(run, catalog);
  const body = method === "HEAD" ? null : describe(allowed, basePath);
  return { status: 200, headers: { "content-type": type }, body };
}
