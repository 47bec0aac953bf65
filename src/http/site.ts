import { parseHost } from "../tenant/host.ts";
import type { Registry } from "../tenant/registry.ts";
import { resolveSite } from "../tenant/resolve.ts";
import type { Middleware } from "./request-state.ts";

/**
 * What the host and X-Tenant select. That is no authority: a token grants, and has to agree (see `authenticate.ts`).
 */
export function selectSite(registry: Registry, baseDomain: string): Middleware {
  return async (ctx, next) => {
    const { state } = ctx;
    state.address = parseHost(state.host);
    const tenantHeader = ctx.req.headers["x-tenant"] as string | undefined;
    const site = await resolveSite(registry, baseDomain, { host: state.address, tenantHeader });
    state.site = site;
    if (site.kind === "tenant") state.slug = site.tenant.slug;
    return next();
  };
}
