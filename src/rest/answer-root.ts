import type { Catalog } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
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
 * The root: what the schema serves, as PostgREST's OpenAPI 2.0.
 * @throws RowhouseError restMethodUnsupported, mediaTypeUnsupported
 */
export function answerRoot(
  { method, headers }: RestRequest,
  catalog: Catalog,
  { basePath }: RestContext,
): Promise<RestAnswer> {
  if (method === "OPTIONS") return Promise.resolve(respondAllow(["OPTIONS", "GET", "HEAD"]));
  if (method !== "GET" && method !== "HEAD")
    throw new RowhouseError("restMethodUnsupported", { message: `Unsupported HTTP method: ${method}` });
  const type = negotiateRoot(headers["accept"]);
  const body = method === "HEAD" ? null : describe(catalog, basePath);
  return Promise.resolve({ status: 200, headers: { "content-type": type }, body });
}
