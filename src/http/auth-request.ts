import type { IncomingMessage } from "node:http";
import type { Attempts } from "../auth/attempts.ts";
import type { Desk } from "../auth/desk.ts";
import type { LinkPlace } from "../auth/links.ts";
import { asActor, type Principal } from "../auth/principal.ts";
import type { Visitor } from "../auth/sessions.ts";
import { RowhouseError } from "../errors.ts";
import type { PublicTenant } from "../tenant/public.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Signing } from "./auth-answer.ts";
import { grantTenant, selectTenant, type Grants } from "./authenticate.ts";
import { readBody } from "./body.ts";
import { parseJson } from "./json.ts";
import type { LinkPages } from "./link-pages.ts";
import { originOf } from "./origin.ts";
import type { Readiness } from "./readiness.ts";
import type { RequestContext } from "./request-state.ts";

export interface AuthSources extends Signing {
  readonly grants: Grants;
  readonly attempts: Attempts;
  readonly readiness: Readiness;
  readonly addressOf: (request: IncomingMessage) => string | null;
  readonly publicOf: (tenant: Tenant) => Promise<PublicTenant>;
  readonly linkPages: LinkPages;
}

/** A request about signing in, with all that the ways to answer it need. */
export interface AuthRequest {
  readonly ctx: RequestContext;
  readonly sources: AuthSources;
  readonly tenant: Tenant;
  /** Runs for this request, where the tenant lives. */
  readonly desk: Desk;
  readonly visitor: Visitor;
  /** The body's fields, of JSON or of a form. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Whether a browser's form sent it, which wants to be led on. */
  readonly isForm: boolean;
}

/** For names, addresses, passwords and tokens. */
const MOST_BYTES = 65_536;

async function readFields(ctx: RequestContext): Promise<Pick<AuthRequest, "body" | "isForm">> {
  const bytes = (await readBody(ctx.req, MOST_BYTES)) ?? Buffer.alloc(0);
  if (ctx.is("urlencoded") === "urlencoded")
    return { body: Object.fromEntries(new URLSearchParams(bytes.toString("utf8"))), isForm: true };
  if (bytes.toString("utf8").trim() === "") return { body: {}, isForm: false };
  const body = parseJson(bytes, "bodyInvalid");
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return { body: body as Record<string, unknown>, isForm: false };
  throw new RowhouseError("bodyInvalid", { message: "The body is not a JSON object" });
}

/** Of a request that anybody may send: a key only says for which tenant. */
export async function openAnybodys(ctx: RequestContext, sources: AuthSources): Promise<AuthRequest> {
  return openRequest(ctx, sources, await selectTenant(ctx, sources.grants));
}

/** Of a request of somebody who is known. */
export async function openKnown(
  ctx: RequestContext,
  sources: AuthSources,
): Promise<AuthRequest & { readonly principal: Principal }> {
  const { principal, tenant, besides } = await grantTenant(ctx, sources.grants);
  const request = await openRequest(ctx, sources, tenant);
  if (besides !== null) await request.desk(asActor(besides), "read", []);
  return { ...request, principal };
}

async function openRequest(ctx: RequestContext, sources: AuthSources, tenant: Tenant): Promise<AuthRequest> {
  ctx.state.tenantId = tenant.id;
  ctx.state.slug = tenant.slug;
  const userAgent = ctx.req.headers["user-agent"] ?? null;
  return {
    ctx,
    sources,
    tenant,
    desk: sources.grants.deskOf(tenant, ctx.state.requestId),
    visitor: { address: sources.addressOf(ctx.req), userAgent },
    ...(await readFields(ctx)),
  };
}

/** @throws RowhouseError bodyInvalid */
export function requireText(body: AuthRequest["body"], name: string, most = 4096): string {
  const value = body[name];
  if (typeof value === "string" && value !== "" && value.length <= most) return value;
  throw new RowhouseError("bodyInvalid", { message: `The field ${name} is missing` });
}

/** The tenant's address: the one that the visitor uses, and elsewhere its subdomain. */
function tenantOrigin({ ctx, sources, tenant }: Pick<AuthRequest, "ctx" | "sources" | "tenant">): string {
  const { publicUrl, baseDomain } = sources.grants;
  const { site } = ctx.state;
  if (site?.kind === "tenant" && site.via === "host") return originOf(ctx, publicUrl);
  const port = publicUrl.port === "" ? "" : `:${publicUrl.port}`;
  return `${publicUrl.protocol}//${tenant.slug}.${baseDomain}${port}`;
}

/** Where to go on after a link: only to the tenant's own origins, since tokens go along (CWE-601). Null for anything else. */
async function allowedRedirect({ sources, tenant }: AuthRequest, wanted: unknown): Promise<string | null> {
  if (typeof wanted !== "string" || !URL.canParse(wanted) || wanted.length > 2000) return null;
  const url = new URL(wanted);
  return (await sources.grants.origins.isTenants(tenant, url.origin)) ? url.href : null;
}

/** Where the tenant's front end is, by its public setting `site_url`: null where there is none, or none of the tenant's own origins. */
export const siteOf = (request: AuthRequest, { settings }: PublicTenant): Promise<string | null> =>
  allowedRedirect(request, settings["site_url"]);

/** Where the links of this request's mails lead, and where they go on. */
export async function placeOf(request: AuthRequest): Promise<LinkPlace> {
  const wanted = request.ctx.query["redirect_to"] ?? request.body["redirect_to"];
  return {
    tenantName: request.tenant.name,
    origin: tenantOrigin(request),
    redirectTo: await allowedRedirect(request, wanted),
  };
}
