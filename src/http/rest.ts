import type { Served } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { answerRest, type RestAnswer, type RestLimits, type RestRequest, type RestSettings } from "../rest/answer.ts";
import { Clock } from "../rest/clock.ts";
import { grantTenant, type Grants } from "./authenticate.ts";
import { readBody } from "./body.ts";
import type { Readiness } from "./readiness.ts";
import type { RequestContext } from "./request-state.ts";
import { REST_PATH } from "./router.ts";
import { runnerOf, type Runner } from "./run.ts";

export interface RestSources {
  readonly grants: Grants;
  readonly runner: Runner;
  readonly served: () => Served;
  readonly readiness: Readiness;
  readonly limits: RestLimits;
  readonly settings: RestSettings;
  readonly maxBodyBytes: number;
  /** Whether answers tell how long each stage took. */
  readonly serverTiming: boolean;
}

/** @throws RowhouseError pathInvalid for a percent sign that encodes nothing (RFC 3986 2.1) */
function segmentsOf(path: string): string[] {
  const segments = path.slice(REST_PATH.length + 1).split("/");
  if (!path.includes("%")) return segments;
  try {
    return segments.map(decodeURIComponent);
  } catch (cause) {
    throw new RowhouseError("pathInvalid", { message: "Invalid path specified in request URL", cause });
  }
}

const NOT_ASCII = /[\u0080-\u00ff]/;

/**
 * Node reads the bytes of a header as Latin-1 (RFC 9110 5.5). To PostgREST they are UTF-8: names of schemas, and what functions read. The longest
 * of them, Authorization, was taken for a token and is ASCII.
 */
function headersOf({ headers }: RequestContext["req"]): RestRequest["headers"] {
  // node:http joins repeated headers by comma; only Set-Cookie, which no request has, stays a list.
  const given = headers as RestRequest["headers"];
  let isPlain = true;
  for (const name in given) isPlain &&= name === "authorization" || !NOT_ASCII.test(given[name] ?? "");
  if (isPlain) return given;
  return Object.fromEntries(
    Object.entries(given).map(([name, value = ""]) => [name, Buffer.from(value, "latin1").toString("utf8")]),
  );
}

function toRequest({ method, path, querystring, req }: RequestContext, body: Buffer | null): RestRequest {
  return { method, path: segmentsOf(path), query: querystring, headers: headersOf(req), body };
}

function send(ctx: RequestContext, { status, headers, body }: RestAnswer): void {
  ctx.status = status;
  for (const name in headers) {
    // An app's Vary says what it depends on besides: an answer always depends on who asks.
    if (name === "vary") ctx.append("Vary", String(headers[name]));
    else ctx.res.setHeader(name, headers[name]!);
  }
  if (body !== null && ctx.method !== "HEAD" && headers["content-type"] !== undefined) {
    // What Koa would do with it, without asking what is known: 1 µs of the 20 that a row by its key takes of this thread.
    ctx.res.setHeader("Content-Length", Buffer.byteLength(body));
    ctx.respond = false;
    ctx.res.end(body);
  } else if (body !== null) ctx.body = body;
  else if (status !== 204 && status !== 304) {
    ctx.body = ""; // null would make it a 204
    if (headers["content-type"] === undefined) ctx.remove("Content-Type");
    // RFC 9110 8.6: it would be that of the body that GET has.
    if (ctx.method === "HEAD") ctx.remove("Content-Length");
  }
}

/** Pattern of the path, for the log: names of the catalog, nothing that the client made up. */
function routeOf([first = "", second = ""]: readonly string[], { catalogs, own }: Served): string {
  const has = ({ relations, routines }: Served["own"]) =>
    first === "rpc" ? routines.has(second) : relations.has(first);
  const isKnown = catalogs.values().some(has) || has(own);
  if (!isKnown) return `${REST_PATH}/*`;
  return first === "rpc" ? `${REST_PATH}/rpc/${second}` : `${REST_PATH}/${first}`;
}

async function answer(ctx: RequestContext, sources: RestSources, clock: Clock | undefined): Promise<void> {
  const { grants, runner, limits, settings, maxBodyBytes } = sources;
  const served = sources.served();
  const grant = await grantTenant(ctx, grants, served.opensAnonymous);
  ctx.state.tenantId = grant.tenant.id;
  clock?.lap("jwt");
  const request = toRequest(ctx, await readBody(ctx.req, maxBodyBytes));
  ctx.state.route = routeOf(request.path, served);
  const answered = await answerRest(request, {
    served,
    tenantId: grant.tenant.id,
    claims: grant.principal.claims,
    limits,
    settings,
    run: runnerOf(runner, grant, ctx),
    basePath: REST_PATH,
    clock,
  });
  clock?.lap("response");
  if (clock !== undefined) ctx.res.setHeader("server-timing", clock.toHeader());
  send(ctx, answered);
}

/** `/rest/v1/…`: who asks, for which tenant, what is in the body, and then the dialect. */
export function serveRest(sources: RestSources): (ctx: RequestContext) => Promise<void> {
  return async (ctx) => {
    const look = sources.readiness.admit();
    if (look !== undefined) await look;
    const clock = sources.serverTiming ? new Clock() : undefined;
    try {
      await answer(ctx, sources, clock);
    } catch (error) {
      if (clock !== undefined) ctx.res.setHeader("server-timing", clock.stop());
      throw error;
    }
  };
}
