import { Writable } from "node:stream";
import { tableName, type Manifest } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { openArchive, type OpenArchive } from "./read.ts";

export interface VerifyOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/**
 * Reads every table of an open archive to its end.
 * @throws RowhouseError archiveDamaged
 */
export async function verifyTables(archive: OpenArchive, { onProgress, signal }: VerifyOptions): Promise<void> {
  const { tables } = archive.manifest;
  const allRows = tables.reduce((sum, { rows }) => sum + rows, 0);
  for (const table of tables) {
    const { rows: totalRows, rawBytes: totalBytes } = table;
    const report = (rows: number, bytes: number, done: boolean) =>
      onProgress?.({ phase: "verify", table: tableName(table), rows, totalRows, bytes, totalBytes, allRows, done });
    await archive.readTable(table, nowhere(), { signal, onChunk: ({ lines, bytes }) => report(lines, bytes, false) });
    report(totalRows, totalBytes, true);
  }
}

/**
 * Reads the whole archive and checks every byte of it: container, manifest, sizes, SHA-256 and row counts. Needs no database.
 * It proves that the archive is whole, not who made it: whoever can write files can make a whole one.
 * @returns the manifest
 * @throws RowhouseError fileMissing, archiveDamaged whose details name the entry, archiveVersion; the signal's reason
 */
export async function verifyArchive(path: string, options: VerifyOptions = {}): Promise<Manifest> {
  const archive = await openArchive(path);
  try {
    await verifyTables(archive, options);
    return archive.manifest;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    await archive.close();
  }
}
