/**
 * Tries the front ends out: `node examples/front-end/serve.ts`. Two brands on origins of their own, which call one API, and every tenant's own
 * host, with the API behind the same host as a proxy in production would have it.
 */
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { build, type BrandFile } from "./build.ts";

/** What is tried: tenants of the demo. */
const TRIED = ["acme", "globex"];
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
};
/** What the API answers where page and API share a host. */
const API_PATH = /^\/(rest|auth)\/v1(\/|$)|^\/tenant\.json$/;

export interface FrontEndOptions {
  /** Where Rowhouse listens. */
  readonly upstream: URL;
  /** To listen on; 0 for any free one. */
  readonly port: number;
  /** Host of each brand's own domain, and the brand. Every other host gets the build for a tenant's own host, and the API. */
  readonly brands: Readonly<Record<string, BrandFile>>;
  /** Key and certificate in PEM, to serve by TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface FrontEnds {
  readonly port: number;
  close(): Promise<void>;
}

/** A folder as it is, with the headers that a page can't say itself. */
async function sendFile(path: string, answer: ServerResponse): Promise<void> {
  const type = TYPES[extname(path)];
  const found = type === undefined ? null : await stat(path).catch(() => null);
  if (found?.isFile() !== true) {
    answer.writeHead(404, { "Content-Type": "text/plain" }).end("There is nothing here.\n");
    return;
  }
  answer.writeHead(200, {
    "Content-Type": type,
    "Content-Length": found.size,
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
  });
  createReadStream(path).pipe(answer);
}

/** Passed on with its Host, by which Rowhouse knows the tenant, and whether a cookie's request is from the same origin. */
function passOn(asked: IncomingMessage, answer: ServerResponse, { hostname, port }: URL): void {
  const { method, url: path, headers } = asked;
  const onward = request({ hostname, port, path, method, headers }, (given) => {
    answer.writeHead(given.statusCode ?? 502, given.headers);
    given.pipe(answer);
  });
  onward.on("error", () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
  asked.pipe(onward);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** One folder for each host, and one for every other: `null`. */
async function buildAll(folder: string, brands: FrontEndOptions["brands"]): Promise<Map<string | null, string>> {
  const folders = new Map<string | null, string>();
  const all: [string | null, BrandFile][] = [[null, await readBrand("own-host")], ...Object.entries(brands)];
  for (const [host, brand] of all) {
    folders.set(host, join(folder, host ?? "own-host"));
    await build(brand, folders.get(host)!);
  }
  return folders;
}

/** @throws Error where the port is taken, or a brand can't work */
export async function serveFrontEnds({ upstream, port, brands, tls }: FrontEndOptions): Promise<FrontEnds> {
  const folder = await mkdtemp(join(tmpdir(), "front-end-"));
  const folders = await buildAll(folder, brands);
  const follow = (asked: IncomingMessage, answer: ServerResponse) => {
    const { pathname } = new URL(asked.url ?? "/", "http://any");
    const own = folders.get((asked.headers.host ?? "").replace(/:\d+$/, ""));
    if (own === undefined && API_PATH.test(pathname)) return passOn(asked, answer, upstream);
    // A URL's path has no `..` left in it.
    void sendFile(join(own ?? folders.get(null)!, pathname === "/" ? "index.html" : pathname), answer);
  };
  const server = tls === undefined ? createServer(follow) : createTlsServer(tls, follow);
  return {
    port: await listen(server, port),
    close: async () => {
      server.closeAllConnections();
      await new Promise((end) => server.close(end));
      await rm(folder, { recursive: true });
    },
  };
}

const readBrand = async (name: string) =>
  JSON.parse(await readFile(join(import.meta.dirname, "brands", `${name}.json`), "utf8")) as BrandFile;

/** Whether the API lets a page of this origin read it: asked as a browser asks. */
async function isLetIn(api: URL, tenant: string, origin: string): Promise<boolean> {
  const { headers } = await fetch(new URL("/tenant.json", api), { headers: { "X-Tenant": tenant, Origin: origin } });
  return headers.get("access-control-allow-origin") === origin;
}

/** What is not right yet with the API; null when nothing is. */
async function adviceFor(api: URL, origins: readonly (readonly [string, string])[]): Promise<string | null> {
  const listed = origins.map(([tenant, origin]) => `${tenant}=${origin}`).join(" ");
  const command = `CORS_ORIGINS="${listed}" npm start -- --demo`;
  try {
    const letIn = await Promise.all(origins.map(([tenant, origin]) => isLetIn(api, tenant, origin)));
    return letIn.every(Boolean) ? null : `The API does not know these origins. Start it with them:\n  ${command}`;
  } catch {
    return `Nothing answers at ${api.origin}. Start it:\n  ${command}`;
  }
}

async function main(): Promise<void> {
  const options = {
    api: { type: "string", default: "http://localhost:3000" },
    port: { type: "string", default: "4000" },
  } as const;
  const { values } = parseArgs({ options });
  const api = new URL(values.api);
  const hostOf = (tenant: string) => `${tenant}-books.${api.hostname}`;
  const brands: Record<string, BrandFile> = {};
  for (const tenant of TRIED)
    brands[hostOf(tenant)] = { ...(await readBrand(tenant)), api: `${api.protocol}//api.${api.host}` };
  const { port } = await serveFrontEnds({ upstream: api, port: Number(values.port), brands });
  const origins = TRIED.map((tenant) => [tenant, `http://${hostOf(tenant)}:${port}`] as const);
  for (const [tenant, origin] of origins) console.log(`${tenant}  ${origin}  a domain of its own, signed in by token`);
  for (const tenant of TRIED)
    console.log(`${tenant}  http://${tenant}.${api.hostname}:${port}  the tenant's host, signed in by cookie`);
  const advice = await adviceFor(api, origins);
  if (advice !== null) console.error(`\n${advice}`);
}

if (import.meta.main) await main();
