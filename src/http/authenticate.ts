import { authenticate, readCredentials } from "../auth/credentials.ts";
import type { Principal } from "../auth/principal.ts";
import type { Verifier } from "../auth/verifier.ts";
import type { Registry } from "../tenant/registry.ts";
import { requireTenant, resolveSite, type Site } from "../tenant/resolve.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { keepOwnOrigin, type Origins } from "./cors.ts";
import type { RequestContext } from "./request-state.ts";

export interface Grants {
  readonly verifier: Verifier;
  readonly registry: Registry;
  readonly baseDomain: string;
  readonly origins: Origins;
}

export interface Grant {
  readonly principal: Principal;
  readonly tenant: Tenant;
}

/** `rawHeaders` were seen to hold each of them once (`single-headers.ts`). */
function credentialsOf({ req: { headers } }: RequestContext) {
  const { authorization, apikey } = headers;
  return readCredentials({
    authorization: authorization === undefined ? undefined : [authorization],
    apikey: apikey === undefined ? undefined : [apikey as string],
  });
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
 * Who asks, and for which tenant: the one that a verified token grants, and with which everything else in the request agrees.
 * @throws RowhouseError credentialsMissing, tokenInvalid, claimsInvalid, tenantUnknown, tenantSuspended, hostUnknown; TenantDisagreement
 */
export async function grantTenant(ctx: RequestContext, grants: Grants): Promise<Grant> {
  const principal = await authenticate(grants.verifier, credentialsOf(ctx));
  ctx.state.actor = principal.id;
  const { tenant } = requireTenant(await siteOf(ctx, principal, grants));
  ctx.state.slug = tenant.slug;
  await keepOwnOrigin(ctx, tenant, grants.origins);
  return { principal, tenant };
}
