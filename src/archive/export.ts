import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readVersion } from "../config.ts";
import type { Database } from "../db/connections.ts";
import { checkLocks } from "./age.ts";
import { openContainer } from "./container.ts";
import { assertFree, deliver, growsEarly, type Delivery } from "./deliver.ts";
import { formatFacts } from "./format.ts";
import { fileNames, fingerprintOf, type Manifest, type ManifestFacts, type ManifestTable } from "./manifest.ts";
import { readOmitted, type Omitted } from "./omitted.ts";
import { describePacking, timeOf, type Packing } from "./pack.ts";
import { maskShapes, type Mask } from "./mask.ts";
import type { OnProgress } from "./progress.ts";
import { readTables, type Reading } from "./reading.ts";
import { selectText } from "./shape.ts";
import { openSigner } from "./sign.ts";
import { withSnapshot, type Snapshot } from "./snapshot.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

export interface ExportOptions extends Delivery {
  /** Sign the manifest with the deployment's key; archives only. */
  readonly sign?: boolean;
  /** What to read in the place of personal data. */
  readonly mask?: Mask;
  /** Connections that read side by side. */
  readonly concurrency?: number;
  readonly onProgress?: OnProgress;
  /** Ends the work; what was written goes. */
  readonly signal?: AbortSignal;
}

/** The snapshot, whose tables say what is read of them. */
async function masked(snapshot: Snapshot, mask: Mask | undefined): Promise<Snapshot> {
  if (mask === undefined) return snapshot;
  const { shapes } = await maskShapes(snapshot.sessions[0]!, snapshot.tables, mask);
  return { ...snapshot, tables: shapes };
}

function describe({ facts, tables }: Snapshot, { counted, copies }: Reading, omitted: Omitted[]): ManifestFacts {
  const files = fileNames(tables);
  const described = tables.map(({ schema, name, columns, primaryKey, references }, index): ManifestTable => {
    const { maxima, rowHash } = counted[index]!;
    return {
      schema: schema as ManifestTable["schema"], // readTenantTables looks in these two
      name,
      columns: columns.map((column) => ({ name: column.name, type: column.type, nullable: column.nullable })),
      primaryKey: [...primaryKey],
      references: [...references],
      maxima,
      rowHash,
      file: files[index]!,
      ...copies[index]!,
    };
  });
  const { migrations, ...rest } = facts;
  return {
    rowhouse: readVersion(),
    ...rest,
    schema: { ...migrations, fingerprint: fingerprintOf(described) },
    tables: described,
    omitted,
  };
}

type Read = Pick<Packing, "facts" | "shapes" | "container">;

/** Reads the tables, and lets the archive's file grow meanwhile where it may. */
async function readInto(snapshot: Snapshot, workshop: Workshop, options: ExportOptions): Promise<Read> {
  const { onProgress, signal, format = "archive" } = options;
  const { tables, facts } = snapshot;
  const select = formatFacts(format).select ?? selectText;
  const omitted = await readOmitted(snapshot.sessions[0]!);
  const container = growsEarly(options)
    ? await openContainer({ workshop, tables, onProgress, signal }, timeOf(facts))
    : undefined;
  try {
    const reading = await readTables(snapshot, {
      select: (shape) => select(shape),
      spoolPath: (index) => workshop.spoolPath(index),
      onCopied: (index, copied) => container?.add(index, copied),
      onProgress,
      signal,
    });
    return { facts: describe(snapshot, reading, omitted), shapes: tables, container };
  } catch (error) {
    await container?.abandon();
    throw error;
  }
}

async function readTenant(database: Database, slug: string, workshop: Workshop, options: ExportOptions): Promise<Read> {
  const { signal, concurrency } = options;
  return withSnapshot(database, slug, { concurrency, signal }, async (opened) =>
    readInto(await masked(opened, options.mask), workshop, options),
  );
}

/**
 * Writes one tenant, as it is at one instant, into an archive or another form. Requests go on meanwhile. Each table is first
 * compressed into a file beside the target, then packed: a tar header wants the size up front, several tables are read at once, and
 * the snapshot is not held open while files are moved about. Memory stays flat whatever the tenant's size.
 * @returns the manifest, which an archive holds; of other forms it says what they were made from
 * @throws RowhouseError tenantUnknown, fileExists, fileMissing, tableUnprotected, tableUnfit, exportInconsistent, usage,
 * databaseUnavailable; the signal's reason when it was aborted. Nothing is left of the file then
 */
export async function exportTenant(
  database: Database,
  { slug }: { readonly slug: string },
  options: ExportOptions,
): Promise<Manifest> {
  if (options.encrypt !== undefined) checkLocks(options.encrypt);
  await assertFree(options);
  const workshop = await openWorkshop(typeof options.path === "string" ? options.path : null);
  let read: Read | undefined;
  try {
    read = await readTenant(database, slug, workshop, options);
    const { onProgress, signal } = options;
    const signer = options.sign === true ? openSigner(database.keyring) : undefined;
    await deliver({ workshop, ...read, signer, onProgress, signal }, options);
    return describePacking(read);
  } finally {
    await read?.container?.abandon(); // nothing to do where it was finished
    await workshop.remove();
  }
}

/** Bytes of the file, or of the files in the folder, for a summary. */
export async function archiveSize(path: string): Promise<number> {
  const facts = await stat(path);
  if (!facts.isDirectory()) return facts.size;
  const sizes = await Promise.all((await readdir(path)).map(async (name) => (await stat(join(path, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
