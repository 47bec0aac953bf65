import { createHash } from "node:crypto";
import type { Catalog, Served } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { openApiBody, openApiHead } from "../rest/openapi.ts";
import { allowedCatalog } from "../rest/allowed.ts";
import { grantTenant, hasToken, type Grants } from "./authenticate.ts";
import type { Readiness } from "./readiness.ts";
import type { RequestContext } from "./request-state.ts";
import { originOf } from "./origin.ts";
import { sites, type Route } from "./router.ts";
import { runnerOf, type Runner } from "./run.ts";

interface Description {
  readonly text: string;
  readonly hash: string;
}

const hashOf = (text: string) => createHash("sha256").update(text).digest("base64url").slice(0, 22);

/** The tables are the same for every tenant, and of a thousand there is much to say: it is said once for each schema. */
const bodies = new WeakMap<Catalog, Description>();

function bodyOf(catalog: Catalog, { catalogs, own }: Served): Description {
  const made = bodies.get(catalog);
  if (made !== undefined) return made; // the catalogs beside it come and go with it
  const beside = catalog.schema === own.schema ? [own.schema] : [];
  const text = JSON.stringify(openApiBody(catalog, [...catalogs.keys(), ...beside]));
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
function chooseCatalog(ctx: RequestContext, { catalogs, own }: Served): Catalog {
  const [first] = catalogs.values();
  const asked = ctx.query["schema"] ?? ctx.get("Accept-Profile");
  const found = asked === "" ? first : asked === own.schema ? own : catalogs.get(String(asked));
  if (found !== undefined) return found;
  throw new RowhouseError("profileUnknown", {
    message: `Invalid schema: ${String(asked)}`,
    hint: `Only the following schemas are exposed: ${[...catalogs.keys()].join(", ")}`,
  });
}

export interface DescriptionSources {
  readonly served: () => Served;
  readonly publicUrl: URL;
  readonly grants: Grants;
  readonly runner: Runner;
  readonly readiness: Readiness;
}

/**
 * `/openapi.json`: OpenAPI 3.1. Without a token, since a tool that reads it has none yet, it describes what the API role may do: all that
 * there is for somebody. With one, what its role may do.
 */
export function openapiRoute({ served, publicUrl, grants, runner, readiness }: DescriptionSources): Route {
  const get = async (ctx: RequestContext) => {
    const now = served();
    let catalog = chooseCatalog(ctx, now);
    let name = ctx.state.site?.kind === "tenant" ? ctx.state.site.tenant.name : "Rowhouse";
    const known = hasToken(ctx);
    if (known) {
      await readiness.admit();
      const grant = await grantTenant(ctx, grants);
      name = grant.tenant.name;
      catalog = await allowedCatalog(runnerOf(runner, grant, ctx), catalog);
    }
    const body = bodyOf(catalog, now);
    const { text, hash } = describe(body, name, `${originOf(ctx, publicUrl)}/rest/v1`);
    ctx.set("Content-Type", "application/json; charset=utf-8");
    ctx.set("Cache-Control", known ? "private, no-cache" : "public, max-age=60");
    ctx.vary("Accept-Profile");
    ctx.set("ETag", `"${hash}"`);
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = text;
  };
  return { path: "/openapi.json", sites: sites("tenant", "api"), get };
}
