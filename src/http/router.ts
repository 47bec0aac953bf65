import { RowhouseError } from "../errors.ts";
import type { Site } from "../tenant/resolve.ts";
import type { Middleware, RequestContext } from "./request-state.ts";

/** One path, where it is served, and what answers GET and HEAD there. */
export interface Route {
  readonly path: string;
  /** Kinds of site that have the path; `all` is for what asks no host at all. */
  readonly sites: ReadonlySet<Site["kind"]> | "all";
  readonly get: (ctx: RequestContext) => void | Promise<void>;
}

export const sites = (...kinds: Site["kind"][]): ReadonlySet<Site["kind"]> => new Set(kinds);

export const REST_PATH = "/rest/v1";
export const AUTH_PATH = "/auth/v1";
export const PLATFORM_PATH = "/platform/v1";
export const DEMO_PATH = "/demo-requests";
const REST_METHODS = "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS";

const isUnder = (path: string, area: string) => path.startsWith(area) && path[area.length] === "/";
export const isRestPath = (path: string) => path === REST_PATH || isUnder(path, REST_PATH);
export const isAuthPath = (path: string) => isUnder(path, AUTH_PATH);

function unknown(): never {
  throw new RowhouseError("routeUnknown", { hint: "The API is under /rest/v1, its description at /openapi.json." });
}

/** What Allow says of a path: whatever takes GET takes HEAD, of which Koa leaves the body out (RFC 9110 9.3.2). Pure. */
export const listMethods = (methods: Iterable<string>): string =>
  [...methods].flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");

/** OPTIONS that is no preflight (that is `cors.ts`), and the methods that a path does not take. */
export function answerMethods(ctx: RequestContext, allowed: string): void {
  ctx.set("Allow", allowed);
  if (ctx.method !== "OPTIONS") throw new RowhouseError("methodUnsupported", { hint: `It takes ${allowed}.` });
  ctx.status = 204;
}

async function follow(ctx: RequestContext, route: Route): Promise<void> {
  ctx.state.route = route.path;
  if (ctx.method === "GET" || ctx.method === "HEAD") await route.get(ctx);
  else answerMethods(ctx, "GET, HEAD, OPTIONS");
}

/** What is served whatever the host says: probes come by address, and they must work when nothing else does. */
export function routeProbes(routes: readonly Route[]): Middleware {
  const byPath = new Map(routes.filter((route) => route.sites === "all").map((route) => [route.path, route]));
  return (ctx, next) => {
    const route = byPath.get(ctx.path);
    return route === undefined ? next() : follow(ctx, route);
  };
}

/** What one of the paths takes is for those who may ask; without a token an answer is the same for every path. */
const isAnonymous = ({ req: { headers } }: RequestContext) =>
  headers.authorization === undefined && headers["apikey"] === undefined;

type Serve = (ctx: RequestContext) => Promise<void>;

/** What takes more than GET, each under a path of its own. */
export interface Areas {
  /** /rest/v1, of tenants. */
  readonly rest: Serve;
  /** /auth/v1, of tenants. */
  readonly auth: Serve;
  /** /platform/v1, on the platform's host alone (threats.md, H27). */
  readonly platform: Serve;
  /** /demo-requests, where no tenant is. */
  readonly demo: Serve;
}

/** The last middleware: what is under the path of an area to that, each other path to its route. A look-up, not a search. */
export function routeRequests(routes: readonly Route[], { rest, auth, platform, demo }: Areas): Middleware {
  const byPath = new Map(routes.map((route) => [route.path, route]));
  return (ctx) => {
    const kind = ctx.state.site?.kind;
    if (isRestPath(ctx.path) && kind !== "platform") {
      ctx.state.route = `${REST_PATH}/*`;
      return ctx.method === "OPTIONS" && isAnonymous(ctx) ? answerMethods(ctx, REST_METHODS) : rest(ctx);
    }
    if (isAuthPath(ctx.path) && kind !== "platform") return auth(ctx);
    if (isUnder(ctx.path, PLATFORM_PATH) && kind === "platform") return platform(ctx);
    if (ctx.path === DEMO_PATH && (kind === "platform" || kind === "home")) return demo(ctx);
    const route = byPath.get(ctx.path);
    if (route === undefined || kind === undefined || route.sites === "all" || !route.sites.has(kind)) unknown();
    return follow(ctx, route);
  };
}
