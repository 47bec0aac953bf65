import type { Catalog, Served } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { answerCall } from "./answer-call.ts";
import { answerRead } from "./answer-read.ts";
import { answerRoot } from "./answer-root.ts";
import { answerWrite } from "./answer-write.ts";
import { allowsTx, type RestContext } from "./context.ts";
import { checkQuery, checkUrl } from "./request/limits.ts";
import { parseRequest, type RestRequest } from "./request/request.ts";
import type { SelectItem } from "./request/select.ts";
import { respondOptions } from "./response/options.ts";
import { toBytes } from "./response/overrides.ts";
import type { RestAnswer } from "./response/response.ts";
import { findRelation } from "./target/names.ts";
import { negotiate } from "./target/negotiate.ts";

export type { RestContext, RestLimits, RestSettings } from "./context.ts";
export type { RestRequest } from "./request/request.ts";
export type { RestAnswer } from "./response/response.ts";

/** The schema that supabase-js asks for when nobody told it another. */
const DEFAULT_PROFILE = "public";

const WRITES: ReadonlySet<string> = new Set(["POST", "PATCH", "PUT", "DELETE"]);

interface Chosen {
  readonly catalog: Catalog;
  /** Whether the answer has to say which schema it is of: there are others, or the client named one. */
  readonly isNegotiated: boolean;
}

/** The schema that the profile header names, or the first. */
function chooseCatalog({ method, headers }: RestRequest, { catalogs, own }: Served): Chosen {
  const profile = headers[WRITES.has(method) ? "content-profile" : "accept-profile"];
  const [first] = catalogs.values();
  if (first === undefined) throw new RowhouseError("internal", { message: "No schema is served" });
  const found = profile === undefined ? first : profile === own.schema ? own : catalogs.get(profile);
  if (found !== undefined) return { catalog: found, isNegotiated: profile !== undefined || catalogs.size > 1 };
  if (profile === DEFAULT_PROFILE) return { catalog: first, isNegotiated: true };
  throw new RowhouseError("profileUnknown", {
    message: `Invalid schema: ${profile}`,
    hint: `Only the following schemas are exposed: ${[...catalogs.keys()].join(", ")}`,
  });
}

/** What the path after the base path names. */
type Resource =
  | { readonly kind: "root" }
  | { readonly kind: "relation"; readonly name: string }
  | { readonly kind: "routine"; readonly name: string };

function resourceOf(path: readonly string[]): Resource {
  const [first = "", second = "", ...rest] = path;
  if (first === "" && path.length <= 1) return { kind: "root" };
  if (first === "rpc" && path.length === 2 && rest.length === 0) return { kind: "routine", name: second };
  if (path.length === 1) return { kind: "relation", name: first };
  throw new RowhouseError("pathInvalid", { message: "Invalid path specified in request URL" });
}

/** The `*` that a request without `select` has as well. */
const isStar = ([item, ...rest]: readonly SelectItem[]) => item?.kind === "star" && rest.length === 0;

/** Who did what is asked for beside the app's tables, by any profile that has no relation of this name. */
const AUDIT = "audit_events";

/** Where the path's relation is looked for. */
function catalogOf(resource: Resource, catalog: Catalog, { own }: Served): Catalog {
  const isAudit = resource.kind === "relation" && resource.name === AUDIT && !catalog.relations.has(AUDIT);
  return isAudit ? own : catalog;
}

function answerRelation(
  request: RestRequest,
  name: string,
  catalog: Catalog,
  context: RestContext,
): Promise<RestAnswer> {
  if (request.method === "OPTIONS") return Promise.resolve(respondOptions(findRelation(catalog, name)));
  const parsed = parseRequest(request, name, context.limits.maxInsertRows, allowsTx(context.settings));
  checkQuery(parsed.query, context.limits);
  context.clock?.lap("parse");
  const offer = {
    shape: "rows",
    mediaType: null,
    relation: findRelation(catalog, name),
    isWhole: isStar(parsed.query.select),
  } as const;
  const media = negotiate(parsed.accept, offer, catalog, context.settings);
  const answer = parsed.verb === "read" ? answerRead : answerWrite;
  const { preferences, query } = parsed;
  return answer({ ...parsed, media }, { request, catalog, preferences, deleted: query.deleted }, context);
}

function answerResource(
  resource: Resource,
  request: RestRequest,
  catalog: Catalog,
  context: RestContext,
): Promise<RestAnswer> {
  switch (resource.kind) {
    case "root":
      return answerRoot(request, catalog, context);
    case "relation":
      return answerRelation(request, resource.name, catalog, context);
    case "routine":
      return answerCall(request, resource.name, catalog, context);
  }
}

/**
 * One request of the dialect, from its bytes to its answer: request → target → statement → response, each a value; the database is asked
 * once, at the end.
 * @throws RowhouseError of the stages 1 (`PGRST1xx`, `RH1xx`) and 2 (`PGRST2xx`); DatabaseError. {@link restError} makes answers of them.
 */
export async function answerRest(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  checkUrl(request.path, request.query, context.limits);
  const resource = resourceOf(request.path);
  const { catalog: chosen, isNegotiated } = chooseCatalog(request, context.served);
  const catalog = catalogOf(resource, chosen, context.served);
  const answer = await answerResource(resource, request, catalog, context);
  if (!isNegotiated || answer.headers["content-type"] === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, "content-profile": toBytes(catalog.schema) } };
}
