import { createHash } from "node:crypto";
import type { Catalog, Served } from "../catalog/catalog.ts";
import { openApi } from "../rest/openapi.ts";
import type { RequestContext } from "./request-state.ts";
import { originOf } from "./origin.ts";
import { sites, type Route } from "./router.ts";

interface Description {
  readonly text: string;
  readonly etag: string;
}

/** The tables are the same for every tenant, and the address is the visitor's own: nothing in it is a tenant's data. */
function describe(catalog: Catalog, title: string, server: string): Description {
  const description = "The tables of this tenant, in the dialect of PostgREST. Every request needs a token.";
  const text = JSON.stringify(openApi(catalog, { title, server, description }));
  return { text, etag: `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"` };
}

/** `/openapi.json`: OpenAPI 3.1, without a token, since a tool that reads it has none yet. */
export function openapiRoute(served: () => Served, publicUrl: URL): Route {
  // The last one only: a catalog of a thousand tables makes a large text, and every host has its own.
  let last: { catalog: Catalog; key: string; made: Description } | null = null;
  const get = (ctx: RequestContext) => {
    const { site } = ctx.state;
    const title = site?.kind === "tenant" ? site.tenant.name : "Rowhouse";
    const server = `${originOf(ctx, publicUrl)}/rest/v1`;
    const key = `${server} ${title}`;
    const [catalog] = served().catalogs.values();
    if (catalog === undefined) return;
    if (last === null || last.key !== key || last.catalog !== catalog) {
      last = { catalog, key, made: describe(catalog, title, server) };
    }
    const { text, etag } = last.made;
    ctx.set("Content-Type", "application/json; charset=utf-8");
    ctx.set("Cache-Control", "public, max-age=60");
    ctx.set("ETag", etag);
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = text;
  };
  return { path: "/openapi.json", sites: sites("tenant", "api"), get };
}
