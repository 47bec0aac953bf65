import { createHash } from "node:crypto";
import type { Catalog, Served } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { openApi } from "../rest/openapi.ts";
import type { RequestContext } from "./request-state.ts";
import { originOf } from "./origin.ts";
import { sites, type Route } from "./router.ts";

interface Description {
  readonly text: string;
  readonly etag: string;
}

/** The tables are the same for every tenant, and the address is the visitor's own: nothing in it is a tenant's data. */
function describe(catalog: Catalog, schemas: readonly string[], title: string, server: string): Description {
  const description =
    "The tables and functions of this tenant, in the dialect of PostgREST. Every request needs a token.";
  const text = JSON.stringify(openApi(catalog, { title, server, description, schemas }));
  return { text, etag: `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"` };
}

/** By `?schema=` for a link, by the header that requests use for the rest; the first without either. */
function chooseCatalog(ctx: RequestContext, { catalogs }: Served): Catalog {
  const [first] = catalogs.values();
  const asked = ctx.query["schema"] ?? ctx.get("Accept-Profile");
  const found = asked === "" ? first : catalogs.get(String(asked));
  if (found !== undefined) return found;
  throw new RowhouseError("profileUnknown", {
    message: `Invalid schema: ${String(asked)}`,
    hint: `Only the following schemas are exposed: ${[...catalogs.keys()].join(", ")}`,
  });
}

/**
 * `/openapi.json`: OpenAPI 3.1, without a token, since a tool that reads it has none yet. What it describes is what the API role may
 * do, which every token of the tenant stands for.
 */
export function openapiRoute(served: () => Served, publicUrl: URL): Route {
  // The last one only: a catalog of a thousand tables makes a large text, and every host has its own.
  let last: { catalog: Catalog; key: string; made: Description } | null = null;
  const get = (ctx: RequestContext) => {
    const { site } = ctx.state;
    const title = site?.kind === "tenant" ? site.tenant.name : "Rowhouse";
    const server = `${originOf(ctx, publicUrl)}/rest/v1`;
    const now = served();
    const catalog = chooseCatalog(ctx, now);
    const schemas = [...now.catalogs.keys()];
    const key = `${server} ${title} ${schemas.join()}`;
    if (last === null || last.key !== key || last.catalog !== catalog) {
      last = { catalog, key, made: describe(catalog, schemas, title, server) };
    }
    const { text, etag } = last.made;
    ctx.set("Content-Type", "application/json; charset=utf-8");
    ctx.set("Cache-Control", "public, max-age=60");
    ctx.vary("Accept-Profile");
    ctx.set("ETag", etag);
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = text;
  };
  return { path: "/openapi.json", sites: sites("tenant", "api"), get };
}
