import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "../db/connections.ts";
import { locateTenant, type LocatedTenant } from "../tenant/locate.ts";
import { checkSlug } from "../tenant/slug.ts";
import { exportTenant } from "./export.ts";
import type { Mask } from "./mask.ts";
import type { OnProgress } from "./progress.ts";
import { restoreArchive, type RestoredTenant } from "./restore.ts";

export interface CloneOptions {
  /** The source's when left out. */
  readonly name?: string;
  readonly mask?: Mask;
  readonly appDir?: string | null;
  readonly actor?: string;
  readonly onProgress?: OnProgress;
  /** Ends the work; what was made of the clone goes. */
  readonly signal?: AbortSignal;
}

async function locate(home: Database, slug: string): Promise<LocatedTenant> {
  const pool = home.openPool("rowhouse_platform", { max: 1 });
  try {
    return await locateTenant(home, pool, slug);
  } finally {
    await pool.end();
  }
}

/**
 * Makes a tenant with the rows of another, as they are at one instant, by way of an archive in a folder of its own that goes at
 * the end. Masks are put on as the rows are read, so nothing unmasked is ever written to the file or to the clone. Addresses,
 * tokens and token secrets of the source stay its own.
 * @throws RowhouseError as exportTenant and restoreArchive; tenantNotEmpty when a tenant of the new slug has rows
 */
export async function cloneTenant(
  database: Database,
  slug: string,
  newSlug: string,
  options: CloneOptions = {},
): Promise<RestoredTenant> {
  checkSlug(newSlug);
  const folder = await mkdtemp(join(tmpdir(), "rowhouse-clone-"));
  const { mask, ...rest } = options;
  const { onProgress, signal } = options;
  try {
    const path = join(folder, "clone.rowhouse");
    const { database: source } = await locate(database, slug);
    await exportTenant(source, { slug }, { path, mask, onProgress, signal });
    return await restoreArchive(database, path, { ...rest, as: newSlug, cloneOf: slug });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
