import type { Catalog, Served } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { allowedCatalog } from "./allowed.ts";
import { answerCall } from "./answer-call.ts";
import type { RestContext } from "./context.ts";
import type { RestRequest } from "./request/request.ts";
import { respondAllow } from "./response/options.ts";
import type { RestAnswer } from "./response/response.ts";
import { swagger, type SwaggerHead } from "./swagger.ts";
import { negotiateRoot } from "./target/negotiate.ts";

/** A catalog of a thousand tables makes a large text; it changes with the catalog alone. */
const texts = new WeakMap<Catalog, SwaggerHead & { readonly text: string }>();

function describe(catalog: Catalog, { basePath, tellsSecurity }: SwaggerHead): string {
  const made = texts.get(catalog);
  if (made?.basePath === basePath && made.tellsSecurity === tellsSecurity) return made.text;
  const text = JSON.stringify(swagger(catalog, { basePath, tellsSecurity }));
  texts.set(catalog, { basePath, tellsSecurity, text });
  return text;
}

/** The schema of the function that answers; that of the request where it is not served, in which it is then missing. */
function callRoot(spec: string, request: RestRequest, asked: Catalog, context: RestContext): Promise<RestAnswer> {
  const [schema = "", name = ""] = spec.split(".");
  const { catalogs }: Served = context.served;
  return answerCall(request, name, catalogs.get(schema) ?? asked, context);
}

/**
 * The root: what the schema serves and the role may do with it, as PostgREST's OpenAPI 2.0, or what the app's own function says.
 * @throws RowhouseError restMethodUnsupported, mediaTypeUnsupported, rootDisabled; what the run and the call throw
 */
export async function answerRoot(request: RestRequest, catalog: Catalog, context: RestContext): Promise<RestAnswer> {
  const { method, headers } = request;
  const { basePath, run, settings } = context;
  const { spec, mode, tellsSecurity } = settings.root;
  if (method === "OPTIONS") return respondAllow(["OPTIONS", "GET", "HEAD"]);
  if (method !== "GET" && method !== "HEAD")
    throw new RowhouseError("restMethodUnsupported", { message: `Unsupported HTTP method: ${method}` });
  if (spec !== null) return callRoot(spec, request, catalog, context);
  if (mode === "disabled") throw new RowhouseError("rootDisabled", { message: "Root endpoint metadata is disabled" });
  const type = negotiateRoot(headers["accept"]);
  // HEAD as well, and whatever is shown: a token that is over gets no description.
  const allowed = await allowedCatalog(run, catalog);
  const shown = mode === "ignore-privileges" ? catalog : allowed;
  const body = method === "HEAD" ? null : describe(shown, { basePath, tellsSecurity });
  return { status: 200, headers: { "content-type": type }, body };
}
