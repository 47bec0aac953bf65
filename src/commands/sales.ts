import { extname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { PACKAGE_DIR } from "../config.ts";
import type { ConnectionPool, Database } from "../db/connections.ts";
import { createTenant } from "../tenant/create.ts";
import { countTenantRows } from "../tenant/delete.ts";
import { seedTenant, type SeedBatch } from "../tenant/seed.ts";
import { SALES_DIR } from "./evaluation.ts";

interface DemoTenant {
  readonly slug: string;
  readonly name: string;
  readonly scale: number;
  /** Brand colour, as CSS writes it. */
  readonly color: string;
}

/** What `examples/sales/seed.ts` exports. Not imported by name: the app is data to the command, and a published one is compiled. */
interface SeedModule {
  readonly DEMO_TENANTS: readonly DemoTenant[];
  generate(slug: string, scale: number): Iterable<SeedBatch>;
}

export interface DemoTarget {
  readonly database: Database;
  readonly platform: ConnectionPool;
}

export interface LoadedTenant {
  readonly slug: string;
  /** 0 when they were there. */
  readonly rows: number;
}

/** From a checkout the source; from the package what `npm run build` made of it (Node strips no types in node_modules). */
function seedFile(): string {
  const kind = extname(import.meta.filename);
  return kind === ".ts"
    ? join(SALES_DIR, "seed.ts")
    : join(PACKAGE_DIR, "dist", relative(PACKAGE_DIR, SALES_DIR), "seed.js");
}

async function hasRows({ platform, database }: DemoTarget, slug: string): Promise<boolean> {
  const counts = await countTenantRows(platform, database.keyring, slug);
  return counts.some(({ table, rows }) => table.startsWith("app.") && rows > 0);
}

/** All of the rows come in one transaction, so a tenant that has any has all: a load that was killed is taken up where it was. */
async function loadTenant(target: DemoTarget, seed: SeedModule, demo: DemoTenant): Promise<LoadedTenant> {
  const { platform, database } = target;
  const { slug, name, color, scale } = demo;
  const wanted = { slug, name, brand: { color }, adminEmail: `admin@${slug}.example`, ifNotExists: true };
  const { tenant, created } = await createTenant(platform, database.keyring, wanted, "platform:demo");
  if (!created && (await hasRows(target, slug))) return { slug, rows: 0 };
  const importer = await database.connect("rowhouse_importer");
  try {
    return { slug, rows: await seedTenant(importer, database.keyring, tenant, seed.generate(slug, scale)) };
  } finally {
    await importer.end();
  }
}

/**
 * Loads the sales example's tenants, side by side, unless they are there. Repeatable, also after it was killed half-way.
 * @returns one entry per tenant, in the example's order
 */
export async function loadDemo(target: DemoTarget): Promise<LoadedTenant[]> {
  const seed = (await import(pathToFileURL(seedFile()).href)) as SeedModule;
  return Promise.all(seed.DEMO_TENANTS.map((demo) => loadTenant(target, seed, demo)));
}
