import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readContent, type TableContent } from "../../src/archive/compare.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { isWithheld } from "../../src/archive/withheld.ts";
import { RowhouseError, type ErrorKind } from "../../src/errors.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

export interface Workspace extends TestDatabase {
  /** A folder of this test file. */
  readonly dir: string;
  /** Exports the tenant into a file of the folder. */
  archive(slug: string, name?: string): Promise<string>;
}

/** A database of this test file and a folder for its archives. */
export async function openWorkspace(): Promise<Workspace> {
  const db = await testDatabase();
  const dir = await mkdtemp(join(tmpdir(), "rowhouse-archive-"));
  return {
    ...db,
    dir,
    archive: async (slug, name = `${slug}.rowhouse`) => {
      const path = join(dir, name);
      await exportTenant(db.database, { slug }, { path, overwrite: true });
      return path;
    },
    close: async () => {
      await db.close();
      await rm(dir, { recursive: true });
    },
  };
}

/** What a copy of the tenant has as well: all but its credentials and its audit trail. */
export async function readShared(...of: Parameters<typeof readContent>): Promise<TableContent[]> {
  return (await readContent(...of)).filter(({ table }) => !isWithheld(table));
}

/** What a refusal of this kind said; fails when there was none, or another. */
export async function refusal(kind: ErrorKind, work: Promise<unknown>): Promise<RowhouseError> {
  const outcome = await work.then(
    () => "no refusal at all",
    (error: unknown) => error,
  );
  if (outcome instanceof RowhouseError && outcome.kind === kind) return outcome;
  throw new Error(`Wanted ${kind}, got ${outcome instanceof Error ? outcome.stack : String(outcome)}`, {
    cause: outcome,
  });
}
