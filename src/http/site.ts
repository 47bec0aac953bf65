import { RowhouseError } from "../errors.ts";
import { parseHost, type Host } from "../tenant/host.ts";
import type { Registry } from "../tenant/registry.ts";
import { resolveSite, type Site } from "../tenant/resolve.ts";
import type { Middleware } from "./request-state.ts";

/**
 * What the host and X-Tenant select. That is no authority: a token grants, and has to agree (see `authenticate.ts`). A refusal is left to
 * `allowOrigins`, which first says who may read it: a front end has to be able to tell its users that their tenant is suspended.
 */
export function selectSite(registry: Registry, baseDomain: string): Middleware {
  const siteOf = async (host: Host, tenantHeader: string | undefined): Promise<Site | RowhouseError> => {
    try {
      return await resolveSite(registry, baseDomain, { host, tenantHeader });
    } catch (error) {
      if (error instanceof RowhouseError && error.status < 500) return error;
      throw error;
    }
  };
  return async (ctx, next) => {
    const { state } = ctx;
    state.address = parseHost(state.host);
    const site = await siteOf(state.address, ctx.req.headers["x-tenant"] as string | undefined);
    if (site instanceof RowhouseError) state.refusal = site;
    else state.site = site;
    if (state.site?.kind === "tenant") state.slug = state.site.tenant.slug;
    return next();
  };
}
