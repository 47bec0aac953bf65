import { createHash } from "node:crypto";
import { publicKey } from "../auth/api-key.ts";
import type { ReadAnonymously } from "../tenant/brand.ts";
import { readPublic } from "../tenant/public.ts";
import { requireTenant } from "../tenant/resolve.ts";
import type { RequestContext } from "./request-state.ts";
import type { Readiness } from "./readiness.ts";
import { sites, type Route } from "./router.ts";

/** `/tenant.json`: what a front end shows before anybody has signed in. Asked for without a key: the tenant's public one is in it. */
export function tenantRoute(read: ReadAnonymously, readiness: Readiness): Route {
  const get = async (ctx: RequestContext) => {
    const { tenant } = requireTenant(ctx.state.site!);
    await readiness.admit();
    const text = JSON.stringify({ ...(await readPublic(read, tenant)), key: publicKey(tenant.id) });
    ctx.set("Content-Type", "application/json; charset=utf-8");
    ctx.set("Cache-Control", "public, max-age=60");
    ctx.set("ETag", `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`);
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = text;
  };
  return { path: "/tenant.json", sites: sites("tenant", "api", "home"), get };
}
