import cors from "@koa/cors";
import { RowhouseError } from "../errors.ts";
import { parseHost } from "../tenant/host.ts";
import type { Registry } from "../tenant/registry.ts";
import { tenantAt } from "../tenant/resolve.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Middleware, RequestContext } from "./request-state.ts";

/** Headers of an answer that a script of another origin may read: those that PostgREST exposes, and what it leaves out. */
const EXPOSED =
  `Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit,
  Allow, Content-Profile, ETag, Idempotent-Replayed, Link, Preference-Applied, Proxy-Status, Retry-After, Server-Timing, Warning, WWW-Authenticate,
  X-Request-Id`.replace(/\s+/g, " ");

/** Which origins may read what. Exact text, never a pattern (threats.md H13). */
export interface Origins {
  /** Of the tenant itself: its address, its verified domains, and what the deployment lists for everyone. */
  isTenants(tenant: Tenant, origin: string): Promise<boolean>;
  /** Before the tenant is known, for `api.BASE_DOMAIN`: of any tenant. */
  isAnyTenants(origin: string): Promise<boolean>;
}

export interface OriginSettings {
  readonly registry: Registry;
  readonly baseDomain: string;
  /** Its scheme and port are those of every tenant's address. */
  readonly publicUrl: URL;
  /** CORS_ORIGINS */
  readonly listed: readonly string[];
}

/** An entry of CORS_ORIGINS: an origin for every tenant, or `acme=https://…` for one, by slug or id. */
function readListed(entry: string): { readonly tenant: string | null; readonly origin: string } {
  const [, tenant = null, origin] = /^(?:([a-z0-9-]+)=)?(.*)$/s.exec(entry)!;
  if (URL.canParse(origin!) && new URL(origin!).origin === origin) return { tenant, origin };
  throw new RowhouseError("configInvalid", {
    message: `CORS_ORIGINS: ${entry} is not an origin`,
    hint: "Write scheme, host and port as a browser sends them: https://app.example.com, or acme=https://app.example.com for one tenant",
  });
}

/** What is listed: for everyone, for one tenant, and at all. */
function openListed(entries: readonly string[]) {
  const listed = entries.map(readListed);
  const everyones = new Set(listed.filter(({ tenant }) => tenant === null).map(({ origin }) => origin));
  const own = new Set(listed.map(({ tenant, origin }) => `${tenant} ${origin}`));
  const any = new Set(listed.map(({ origin }) => origin));
  return {
    hasFor: ({ slug, id }: Tenant, origin: string) =>
      everyones.has(origin) || own.has(`${slug} ${origin}`) || own.has(`${id} ${origin}`),
    has: (origin: string) => any.has(origin),
  };
}

/** @throws RowhouseError configInvalid, naming the malformed origin */
export function openOrigins({ registry, baseDomain, publicUrl, listed }: OriginSettings): Origins {
  const entries = openListed(listed);
  const scheme = `${publicUrl.protocol}//`;
  const port = publicUrl.port === "" ? "" : `:${publicUrl.port}`;
  const isTenants = async (tenant: Tenant, origin: string) => {
    if (entries.hasFor(tenant, origin) || origin === `${scheme}${tenant.slug}.${baseDomain}${port}`) return true;
    const domains = await registry.domainsOf(tenant.id);
    return domains.some((domain) => origin === scheme + domain + port);
  };
  // Of a suspended tenant as well: its front end has to be told.
  const ownerOf = async (origin: string): Promise<Tenant | null> => {
    if (!origin.startsWith(scheme)) return null;
    try {
      return (await tenantAt(registry, baseDomain, parseHost(origin.slice(scheme.length)))) ?? null;
    } catch (error) {
      if (error instanceof RowhouseError && error.status < 500) return null;
      throw error;
    }
  };
  return {
    isTenants,
    isAnyTenants: async (origin) => {
      if (entries.has(origin)) return true;
      const owner = await ownerOf(origin);
      return owner !== null && isTenants(owner, origin);
    },
  };
}

/** What `selectSite` found wrong, once the page that asked may read it. */
function refuseOr(next: () => Promise<void>, { refusal }: RequestContext["state"]): Promise<void> {
  if (refusal !== null) throw refusal;
  return next();
}

/**
 * Answers preflights, without a token since browsers send none, and says which origin may read an answer. Credentials stay off:
 * a token is sent by the script itself, never by the browser. Where no tenant was found, or a suspended one, any tenant's page may read that.
 */
export function allowOrigins(origins: Origins): Middleware {
  const isAllowed = async ({ site }: RequestContext["state"], origin: string) => {
    if (site?.kind === "platform") return false;
    return site?.kind === "tenant" ? origins.isTenants(site.tenant, origin) : origins.isAnyTenants(origin);
  };
  const answer = cors({
    origin: async (ctx) => {
      const origin = ctx.get("Origin");
      return (await isAllowed(ctx.state as RequestContext["state"], origin)) ? origin : "";
    },
    allowMethods: "GET, HEAD, POST, PATCH, PUT, DELETE",
    exposeHeaders: EXPOSED,
    maxAge: 7200, // what Chromium allows at most
    keepHeadersOnError: false, // errors.ts answers on the same context
  }) as unknown as Middleware;
  return (ctx, next) => {
    if (ctx.req.headers.origin === undefined) return refuseOr(next, ctx.state);
    return answer(ctx, async () => refuseOr(next, ctx.state));
  };
}

/** Once the tenant is known that a token grants: the origin has to be this tenant's, not just any one's. */
export async function keepOwnOrigin(ctx: RequestContext, tenant: Tenant, origins: Origins): Promise<void> {
  const { origin } = ctx.req.headers;
  if (origin === undefined || (await origins.isTenants(tenant, origin))) return;
  ctx.remove("Access-Control-Allow-Origin");
  ctx.remove("Access-Control-Expose-Headers");
}
