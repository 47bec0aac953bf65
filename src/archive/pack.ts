import { createReadStream } from "node:fs";
import { mkdtemp, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { RowhouseError } from "../errors.ts";
import { DIGEST, MANIFEST, renderManifest, tableName, type Manifest } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";

/** The folder beside the target in which an archive grows: on the same file system, so that it can be renamed into place. */
export interface Workshop {
  /** Where the rows of the table with this number are put, compressed. */
  spoolPath(index: number): string;
  readonly archivePath: string;
  remove(): Promise<void>;
}

async function assertFree(path: string, overwrite: boolean): Promise<void> {
  if (overwrite) return;
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return;
  throw new RowhouseError("fileExists", {
    message: `${path} exists`,
    hint: "Choose another name, or add --overwrite.",
  });
}

/**
 * @throws RowhouseError fileExists; fileMissing when the folder of `path` does not exist or can't be written to
 */
export async function openWorkshop(path: string, overwrite: boolean): Promise<Workshop> {
  await assertFree(path, overwrite);
  const folder = await mkdtemp(join(dirname(path), `.${basename(path)}.partial-`)).catch((cause: unknown) => {
    throw new RowhouseError("fileMissing", {
      message: `Can't write in ${dirname(path)}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: "Name a folder that exists and that you may write in.",
      cause,
    });
  });
  return {
    spoolPath: (index) => join(folder, `${index}.zst`),
    archivePath: join(folder, "archive"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function writeWhole(file: FileHandle, name: string, content: Buffer, mtime: number): Promise<void> {
  await file.appendFile(Buffer.concat([tarHeader(name, content.length, mtime), content, tarPadding(content.length)]));
}

/** Moves a spooled table into the archive; the spool goes at once, so that the disk holds each table twice at most. */
async function writeSpool(file: FileHandle, spool: string, name: string, size: number, mtime: number): Promise<void> {
  await file.appendFile(tarHeader(name, size, mtime));
  const source = createReadStream(spool, { highWaterMark: 1 << 20 });
  await pipeline(source, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) await file.appendFile(chunk);
  });
  await file.appendFile(tarPadding(size));
  await rm(spool);
}

/**
 * Writes the container: the tables' data in the manifest's order, then the manifest, then its digest. On the disk when it returns.
 */
export async function packArchive(
  workshop: Workshop,
  facts: Omit<Manifest, "format" | "version">,
  onProgress: OnProgress | undefined,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const { manifest, json, digest } = renderManifest(facts);
  const mtime = Math.floor(Date.parse(manifest.snapshot.at) / 1000);
  const file = await open(workshop.archivePath, "wx", 0o600);
  try {
    for (const [index, table] of manifest.tables.entries()) {
      signal?.throwIfAborted();
      await writeSpool(file, workshop.spoolPath(index), table.file, table.fileBytes, mtime);
      const { rows, fileBytes: bytes } = table;
      onProgress?.({
        phase: "pack",
        table: tableName(table),
        rows,
        totalRows: rows,
        bytes,
        totalBytes: bytes,
        allRows: null,
        done: true,
      });
    }
    await writeWhole(file, MANIFEST, json, mtime);
    await writeWhole(file, DIGEST, digest, mtime);
    await file.appendFile(tarEnd());
    await file.sync();
  } finally {
    await file.close();
  }
  return manifest;
}

/** Gives the finished archive its name, in one step that also survives a power cut. */
export async function publishArchive(workshop: Workshop, path: string, overwrite: boolean): Promise<void> {
  await assertFree(path, overwrite);
  await rename(workshop.archivePath, path);
  const folder = await open(dirname(path), "r");
  await folder.sync().catch(() => {}); // not every file system syncs folders
  await folder.close();
}
