import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { to as copyTo } from "pg-copy-streams";
import { readVersion } from "../config.ts";
import type { Database } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";
import { countTable, type CountedTable } from "./compare.ts";
import { fileNames, fingerprintOf, tableName, type Manifest, type ManifestTable } from "./manifest.ts";
import { Meter } from "./meter.ts";
import { openWorkshop, packArchive, publishArchive, type Workshop } from "./pack.ts";
import type { OnProgress } from "./progress.ts";
import { endAll, shareOut, translateLoss, type Session } from "./session.ts";
import type { TableShape } from "./shape.ts";
import { closeSnapshot, openSnapshot, type Snapshot } from "./snapshot.ts";

export interface ExportOptions {
  readonly path: string;
  readonly overwrite?: boolean;
  /** Connections that read side by side. */
  readonly concurrency?: number;
  readonly onProgress?: OnProgress;
  /** Ends the work; what was written goes. */
  readonly signal?: AbortSignal;
}

const CHUNK = 1 << 18;
/** Level 1: 137 of COPY's 159 MB/s at 4.9:1, where gzip -1 takes it down to 90 (mobility.md, 2a). One frame, with a checksum. */
const ZSTD = {
  chunkSize: CHUNK,
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
};

/** Numbers of the tables, those that take longest first. */
function largestFirst(tables: readonly TableShape[]): number[] {
  return [...tables.keys()].toSorted((a, b) => tables[b]!.bytes - tables[a]!.bytes);
}

/** How many rows there are to copy: cheap, so that the rest can say how long it takes. */
async function countAll({ sessions, tables }: Snapshot, onProgress: OnProgress | undefined): Promise<number[]> {
  const counts: number[] = [];
  await shareOut(sessions, largestFirst(tables), async (session, index) => {
    const shape = tables[index]!;
    const { rows } = await session.query<{ count: string }>(`select count(*) from ${shape.identifier}`);
    const count = (counts[index] = Number(rows[0]?.count));
    onProgress?.({
      phase: "count",
      table: tableName(shape),
      rows: count,
      totalRows: count,
      bytes: 0,
      totalBytes: null,
      allRows: null,
      done: true,
    });
  });
  return counts;
}

/** What copying a table tells about it. */
type Copied = Pick<ManifestTable, "rawBytes" | "rawSha256" | "fileBytes" | "fileSha256">;

/** `copy (select …)`, since under row-level security `copy table` sees nothing of a partitioned one. */
async function copyTable(
  session: Session,
  shape: TableShape,
  spool: string,
  onChunk: (meter: Meter) => void,
  signal: AbortSignal | undefined,
): Promise<Copied & { rows: number }> {
  const columns = shape.columns.map(({ identifier }) => identifier).join(", ");
  const source = session.query(
    copyTo(`copy (select ${columns} from ${shape.identifier}) to stdout`, { highWaterMark: CHUNK }),
  );
  const raw = new Meter({ countLines: true, onChunk });
  const file = new Meter();
  await pipeline(source, raw, createZstdCompress(ZSTD), file, createWriteStream(spool, { flags: "wx", mode: 0o600 }), {
    signal,
  });
  return {
    rows: raw.lines,
    rawBytes: raw.bytes,
    rawSha256: raw.sha256(),
    fileBytes: file.bytes,
    fileSha256: file.sha256(),
  };
}

/** What was read of all tables, by their number. */
interface Reading {
  readonly copies: (Copied & { rows: number })[];
  readonly counted: CountedTable[];
}

/** Copies each table and, apart from that, counts and hashes it: as many things at once as there are sessions. */
async function readAll(
  snapshot: Snapshot,
  counts: readonly number[],
  workshop: Workshop,
  options: ExportOptions,
): Promise<Reading> {
  const { sessions, tables } = snapshot;
  const { onProgress, signal } = options;
  const allRows = counts.reduce((sum, rows) => sum + rows, 0);
  const reading: Reading = { copies: [], counted: [] };
  const tasks = largestFirst(tables).flatMap((index) => [
    { index, copies: true },
    { index, copies: false },
  ]);
  await shareOut(sessions, tasks, async (session, { index, copies }) => {
    const shape = tables[index]!;
    if (!copies) {
      reading.counted[index] = await countTable(session, shape);
      return;
    }
    const report = (rows: number, bytes: number, done: boolean) =>
      onProgress?.({
        phase: "copy",
        table: tableName(shape),
        rows,
        totalRows: counts[index]!,
        bytes,
        totalBytes: done ? bytes : null,
        allRows,
        done,
      });
    const onChunk = ({ lines, bytes }: Meter) => report(lines, bytes, false);
    const copied = await copyTable(session, shape, workshop.spoolPath(index), onChunk, signal);
    reading.copies[index] = copied;
    report(copied.rows, copied.rawBytes, true);
  });
  return reading;
}

/** Three counts of one snapshot, made apart: if they are not the same, rows are missing or too many. */
function assertSameCounts(counts: readonly number[], { copies, counted }: Reading): void {
  for (const [index, { table, rows }] of counted.entries()) {
    const copied = copies[index]!.rows;
    if (copied === rows && counts[index] === rows) continue;
    throw new RowhouseError("exportInconsistent", {
      message: `${table}: COPY gave ${copied} rows, counting in the same snapshot ${counts[index]} and ${rows}`,
      details: table,
      hint: "Nothing was exported. Run `rowhouse check`, and report this.",
    });
  }
}

function describe({ facts, tables }: Snapshot, { counted, copies }: Reading): Omit<Manifest, "format" | "version"> {
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
  };
}

async function readTenant(
  database: Database,
  slug: string,
  workshop: Workshop,
  options: ExportOptions,
): Promise<Omit<Manifest, "format" | "version">> {
  const snapshot = await openSnapshot(database, slug, options.concurrency ?? 2);
  // A statement that runs is cut off; between statements the pipelines and the loops look at the signal themselves.
  const cut = () => void endAll(snapshot.sessions);
  options.signal?.addEventListener("abort", cut, { once: true });
  try {
    options.signal?.throwIfAborted();
    const counts = await countAll(snapshot, options.onProgress);
    const reading = await readAll(snapshot, counts, workshop, options);
    assertSameCounts(counts, reading);
    return describe(snapshot, reading);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw translateLoss(error);
  } finally {
    options.signal?.removeEventListener("abort", cut);
    await closeSnapshot(snapshot);
  }
}

/**
 * Writes one tenant, as it is at one instant, into an archive. Requests go on meanwhile. Each table is first compressed into a
 * file beside the target, then packed: a tar header wants the size up front, several tables are read at once, and the snapshot
 * is not held open while files are moved about. Memory stays flat whatever the tenant's size.
 * @returns the archive's manifest
 * @throws RowhouseError tenantUnknown, fileExists, fileMissing, tableUnprotected, tableUnfit, exportInconsistent,
 * databaseUnavailable; the signal's reason when it was aborted. Nothing is left of the file then
 */
export async function exportTenant(
  database: Database,
  { slug }: { readonly slug: string },
  options: ExportOptions,
): Promise<Manifest> {
  const overwrite = options.overwrite ?? false;
  const workshop = await openWorkshop(options.path, overwrite);
  try {
    const facts = await readTenant(database, slug, workshop, options);
    const manifest = await packArchive(workshop, facts, options.onProgress, options.signal);
    await publishArchive(workshop, options.path, overwrite);
    return manifest;
  } finally {
    await workshop.remove();
  }
}

/** Bytes of the file, for a summary. */
export async function archiveSize(path: string): Promise<number> {
  return (await stat(path)).size;
}
