import { createHash } from "node:crypto";
import type { Catalog, Served } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { openApiBody, openApiHead } from "../rest/openapi.ts";
import type { RequestContext } from "./request-state.ts";
import { originOf } from "./origin.ts";
import { sites, type Route } from "./router.ts";

interface Description {
  readonly text: string;
  readonly hash: string;
}

const hashOf = (text: string) => createHash("sha256").update(text).digest("base64url").slice(0, 22);

/** The tables are the same for every tenant, and of a thousand there is much to say: it is said once for each schema. */
const bodies = new WeakMap<Catalog, Description>();

function bodyOf(catalog: Catalog, { catalogs }: Served): Description {
  const made = bodies.get(catalog);
  if (made !== undefined) return made; // the catalogs beside it come and go with it
  const text = JSON.stringify(openApiBody(catalog, [...catalogs.keys()]));
  const body = { text, hash: hashOf(text) };
  bodies.set(catalog, body);
  return body;
}

/** The address is the visitor's own, and the title its tenant's name: nothing else in it is a tenant's. */
function describe(body: Description, title: string, server: string): Description {
  const description =
    "The tables and functions of this tenant, in the dialect of PostgREST. Every request needs a token.";
  const head = JSON.stringify(openApiHead({ title, server, description }));
  return { text: `${head.slice(0, -1)},${body.text.slice(1)}`, hash: hashOf(head + body.hash) };
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
  const get = (ctx: RequestContext) => {
    const { site } = ctx.state;
    const title = site?.kind === "tenant" ? site.tenant.name : "Rowhouse";
    const now = served();
    const body = bodyOf(chooseCatalog(ctx, now), now);
    const { text, hash } = describe(body, title, `${originOf(ctx, publicUrl)}/rest/v1`);
    ctx.set("Content-Type", "application/json; charset=utf-8");
    ctx.set("Cache-Control", "public, max-age=60");
    ctx.vary("Accept-Profile");
    ctx.set("ETag", `"${hash}"`);
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = text;
  };
  return { path: "/openapi.json", sites: sites("tenant", "api"), get };
}
