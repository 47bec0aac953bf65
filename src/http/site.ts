import { RowhouseError } from "../errors.ts";
import { parseHost } from "../tenant/host.ts";
import type { Registry } from "../tenant/registry.ts";
import { knownSite, resolveSite } from "../tenant/resolve.ts";
import type { Middleware } from "./request-state.ts";

/**
 * What the host and X-Tenant select. That is no authority: a token grants, and has to agree (see `authenticate.ts`). A refusal is left to
 * `allowOrigins`, which first says who may read it: a front end has to be able to tell its users that their tenant is suspended.
 */
export function selectSite(registry: Registry, baseDomain: string): Middleware {
  return async (ctx, next) => {
    const { state } = ctx;
    state.address = parseHost(state.host);
    const signals = { host: state.address, tenantHeader: ctx.req.headers["x-tenant"] as string | undefined };
    try {
      state.site = knownSite(registry, baseDomain, signals) ?? (await resolveSite(registry, baseDomain, signals));
    } catch (error) {
      if (!(error instanceof RowhouseError) || error.status >= 500) throw error;
      state.refusal = error;
    }
    if (state.site?.kind === "tenant") state.slug = state.site.tenant.slug;
    await next();
  };
}
