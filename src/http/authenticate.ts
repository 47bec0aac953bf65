import { authenticate, readCredentials, type Authenticated, type Credentials } from "../auth/credentials.ts";
import type { BrowserSessions } from "../auth/browser-session.ts";
import { publicKey } from "../auth/api-key.ts";
import type { Desk } from "../auth/desk.ts";
import type { Identities } from "../auth/identities.ts";
import type { KeyUses } from "../auth/key-use.ts";
import type { Principal } from "../auth/principal.ts";
import type { Verifier } from "../auth/verifier.ts";
import type { Registry } from "../tenant/registry.ts";
import { RowhouseError } from "../errors.ts";
import { requireTenant, resolveSite, type Site } from "../tenant/resolve.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { readSessionCookie, requireSameOrigin } from "./cookie.ts";
import { keepOwnOrigin, type Origins } from "./cors.ts";
import type { RequestContext } from "./request-state.ts";

export interface Grants {
  readonly verifier: Verifier;
  readonly registry: Registry;
  readonly baseDomain: string;
  readonly origins: Origins;
  readonly publicUrl: URL;
  readonly deskOf: (tenant: Tenant, requestId?: string) => Desk;
  readonly browserSessions: BrowserSessions;
  readonly identities: Identities;
  readonly keyUses: KeyUses;
}

export interface Grant {
  readonly principal: Principal;
  readonly tenant: Tenant;
  /** A second credential that has to hold as well. */
  readonly besides: Principal | null;
}

/** The membership role of who is nobody. */
const ANONYMOUS = "anonymous";

/** `rawHeaders` were seen to hold each of them once (`single-headers.ts`). */
function credentialsOf({ req: { headers } }: RequestContext) {
  const { authorization, apikey } = headers;
  return readCredentials({
    authorization: authorization === undefined ? undefined : [authorization],
    apikey: apikey === undefined ? undefined : [apikey as string],
  });
}

/** Whether a request has a token or a key, good or not. */
export function hasToken(ctx: RequestContext): boolean {
  return credentialsOf(ctx) !== null;
}

/** All signals again, now with the token's. When it names the tenant that was selected, they agree. */
function siteOf(
  { state, req }: RequestContext,
  { tenantId }: Principal,
  { registry, baseDomain }: Grants,
): Site | Promise<Site> {
  if (state.site?.kind === "tenant" && state.site.tenant.id === tenantId) return state.site;
  const tenantHeader = req.headers["x-tenant"] as string | undefined;
  return resolveSite(registry, baseDomain, { host: state.address!, tenantHeader, tokenTenantId: tenantId });
}

/**
 * A cookie is its host's, and only a page of that host may use it: X-Tenant does not choose whose session it is.
 * @throws RowhouseError originRefused, sessionEnded, credentialsMissing
 */
async function authenticateCookie(ctx: RequestContext, cookie: string, grants: Grants): Promise<Principal> {
  const { site, requestId } = ctx.state;
  if (site?.kind !== "tenant" || site.via !== "host")
    throw new RowhouseError("credentialsMissing", { message: "A cookie counts at the tenant's own address only" });
  requireSameOrigin(ctx, grants.publicUrl);
  return grants.browserSessions.find(grants.deskOf(site.tenant, requestId), site.tenant.id, cookie);
}

/** Who asks, by the first of token, cookie, and, where it may be nobody, the address alone. */
function authenticateAny(
  ctx: RequestContext,
  credentials: Credentials | null,
  grants: Grants,
  allowsAnonymous: boolean,
): Promise<Authenticated> {
  const { site } = ctx.state;
  if (credentials !== null)
    return authenticate(grants.verifier, credentials, site?.kind === "tenant" ? site.tenant.id : null);
  const cookie = readSessionCookie(ctx);
  if (cookie !== null)
    return authenticateCookie(ctx, cookie, grants).then((principal) => ({ principal, besides: null }));
  // As if it had the key that is no secret.
  const anybodys = allowsAnonymous && site?.kind === "tenant" ? publicKey(site.tenant.id) : null;
  return authenticate(grants.verifier, anybodys === null ? null : { token: anybodys, apikey: null });
}

/** The tenant's user whom an issuer of the tenant names. */
async function userOf(ctx: RequestContext, named: Principal, tenant: Tenant, grants: Grants): Promise<Principal> {
  const principal = await grants.identities.find(grants.deskOf(tenant, ctx.state.requestId), named);
  ctx.state.actor = principal.id;
  return principal;
}

/**
 * Who asks, and for which tenant: the one that a verified token grants, and with which everything else in the request agrees. Without a
 * token a browser's cookie counts.
 * @param allowsAnonymous whether a request without either is anybody's of the tenant that it is addressed to
 * @throws RowhouseError credentialsMissing, tokenInvalid, claimsInvalid, issuerUnavailable, tenantUnknown, tenantSuspended, hostUnknown,
 * originRefused, sessionEnded, identityUnknown; TenantDisagreement
 */
export async function grantTenant(ctx: RequestContext, grants: Grants, allowsAnonymous = false): Promise<Grant> {
  const { principal: named, besides } = await authenticateAny(ctx, credentialsOf(ctx), grants, allowsAnonymous);
  ctx.state.actor = named.id;
  ctx.state.isAnonymous = named.role === ANONYMOUS;
  const { tenant } = requireTenant(await siteOf(ctx, named, grants));
  ctx.state.slug = tenant.slug;
  const principal = named.identity === undefined ? named : await userOf(ctx, named, tenant, grants);
  if (ctx.req.headers.origin !== undefined) await keepOwnOrigin(ctx, tenant, grants.origins);
  grants.keyUses.note(tenant, principal);
  return { principal, tenant, besides };
}

/** Where nobody need be known: the tenant that a key, if there is one, or the address names. */
export async function selectTenant(ctx: RequestContext, grants: Grants): Promise<Tenant> {
  if (credentialsOf(ctx) !== null) return (await grantTenant(ctx, grants)).tenant;
  const { tenant } = requireTenant(ctx.state.site!);
  await keepOwnOrigin(ctx, tenant, grants.origins);
  return tenant;
}
