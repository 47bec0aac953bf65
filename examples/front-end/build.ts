/**
 * Builds the front end for one brand: `node examples/front-end/build.ts examples/front-end/brands/acme.json dist-acme`.
 * There is nothing to compile. The brand's file, the page and supabase-js are put into one folder that any web server can serve.
 */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface BrandFile {
  /** Slug of the tenant, sent as `X-Tenant`. Left out where the API's host says it. */
  readonly tenant?: string;
  /** Origin of the API. Left out where it is the page's own. */
  readonly api?: string;
  /** Tokens in the page's storage, or a cookie of the tenant's own host. */
  readonly session: "token" | "cookie";
}

const SITE = join(import.meta.dirname, "site");
const CLIENT = join(dirname(createRequire(import.meta.url).resolve("@supabase/supabase-js")), "umd", "supabase.js");

/** What the page may load, and whom it may talk to. Nothing runs but its own files, and nothing leaves for anywhere but the API. */
export function policyOf({ api }: BrandFile): string {
  const connect = api === undefined ? "'self'" : `'self' ${new URL(api).origin}`;
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src ${connect}; form-action 'none'; base-uri 'none'`;
}

/** @throws Error for a brand that can't work */
export function checkBrand({ tenant, api, session }: BrandFile): void {
  if (session !== "token" && session !== "cookie") throw new Error('session is "token" or "cookie"');
  if (session === "cookie" && (api !== undefined || tenant !== undefined))
    throw new Error("A cookie counts on the tenant's own host only: leave out api and tenant");
}

/** @param to folder, made where it is missing */
export async function build(brand: BrandFile, to: string): Promise<void> {
  checkBrand(brand);
  await mkdir(to, { recursive: true });
  await cp(SITE, to, { recursive: true });
  await cp(CLIENT, join(to, "supabase.js"));
  const page = await readFile(join(SITE, "index.html"), "utf8");
  await writeFile(join(to, "index.html"), page.replace("{{policy}}", policyOf(brand)));
  await writeFile(join(to, "brand.json"), `${JSON.stringify(brand)}\n`);
}

if (import.meta.main) {
  const [file, to] = process.argv.slice(2);
  if (file === undefined || to === undefined) {
    console.error("usage: node examples/front-end/build.ts <brand.json> <folder>");
    process.exitCode = 2;
  } else {
    await build(JSON.parse(await readFile(file, "utf8")) as BrandFile, to);
    console.log(`${to} is ready to be served.`);
  }
}
