import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Served } from "../catalog/catalog.ts";
import type { RequestContext } from "./request-state.ts";
import { sites, type Route } from "./router.ts";

/** Swagger UI's files that are served, and no other of its folder. */
const FILES = [
  { name: "swagger-ui.css", type: "text/css; charset=utf-8" },
  { name: "swagger-ui-bundle.js", type: "text/javascript; charset=utf-8" },
  { name: "swagger-ui-standalone-preset.js", type: "text/javascript; charset=utf-8" },
  { name: "favicon-32x32.png", type: "image/png" },
] as const;

const description = (schema: string) => `/openapi.json?schema=${encodeURIComponent(schema)}`;

/** Sections of more relations than this are closed at first: nobody reads that far, and drawing them takes seconds. */
const OPEN_SECTIONS = 20;

/** A script of its own and not in the page, so that the policy needs no exception for inline scripts. */
function startScript({ catalogs }: Served): string {
  const schemas = [...catalogs.keys()];
  const most = Math.max(...[...catalogs.values()].map(({ relations }) => relations.size));
  const one = { url: "/openapi.json" };
  const many = { urls: schemas.map((name) => ({ name, url: description(name) })) };
  const options = JSON.stringify({
    ...(schemas.length > 1 ? many : one),
    dom_id: "#docs",
    deepLinking: true,
    docExpansion: most > OPEN_SECTIONS ? "none" : "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    validatorUrl: null,
    tryItOutEnabled: true,
  });
  // Only its own layout has the choice among several.
  const layout =
    schemas.length > 1
      ? '{ layout: "StandaloneLayout", presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset] }'
      : "{}";
  return `window.ui = SwaggerUIBundle({ ...${options}, ...${layout} });\n`;
}

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API documentation</title><link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><noscript>This page needs JavaScript. The same description for machines: <a href="/openapi.json">/openapi.json</a></noscript>
<div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script><script src="/docs/start.js"></script></body></html>
`;

/** Requests go to this host alone. Swagger UI sets style attributes, and draws its icons from data: URLs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SITES = sites("tenant", "api");

function send(ctx: RequestContext, type: string, body: string | Buffer, seconds: number): void {
  ctx.set("Content-Type", type);
  ctx.set("Cache-Control", seconds === 0 ? "no-cache" : `public, max-age=${seconds}`);
  ctx.body = body;
}

/** `/docs`: Swagger UI on this tenant's own description. Nothing comes from another host. */
export function docsRoutes(served: () => Served): Route[] {
  const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const files = FILES.map(({ name, type }): Route => {
    let content: Promise<Buffer> | undefined; // read at the first request: 1.7 MB that most processes never need
    return {
      path: `/docs/${name}`,
      sites: SITES,
      get: async (ctx) => send(ctx, type, await (content ??= readFile(join(folder, name))), 86_400),
    };
  });
  const page = (ctx: RequestContext) => {
    ctx.set("Content-Security-Policy", POLICY);
    send(ctx, "text/html; charset=utf-8", PAGE, 0);
  };
  const start = (ctx: RequestContext) => send(ctx, "text/javascript; charset=utf-8", startScript(served()), 0);
  return [{ path: "/docs", sites: SITES, get: page }, { path: "/docs/start.js", sites: SITES, get: start }, ...files];
}
