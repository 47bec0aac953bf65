import { open, type FileHandle } from "node:fs/promises";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { RowhouseError } from "../errors.ts";
import { damaged } from "./damage.ts";
import { DIGEST, MANIFEST, parseManifest, type Manifest, type ManifestTable } from "./manifest.ts";
import { Meter } from "./meter.ts";
import { readTarEntries, type TarEntry } from "./tar.ts";

export interface ReadOptions {
  /** Called with the uncompressed totals so far, once per chunk. */
  readonly onChunk?: (meter: Meter) => void;
  readonly signal?: AbortSignal;
}

/** An archive whose container and manifest were checked. Its tables' data is checked as it is read. */
export interface OpenArchive {
  readonly manifest: Manifest;
  /**
   * Writes the rows of a table to `sink`, which must keep nothing of them when this throws.
   * @throws RowhouseError archiveDamaged, at the latest after the last byte; what the sink throws
   */
  readTable(table: ManifestTable, sink: Writable, options?: ReadOptions): Promise<void>;
  close(): Promise<void>;
}

const MAX_MANIFEST_BYTES = 64 << 20;
const CHUNK = 1 << 18;
/**
 * One frame and nothing after it: Node 24 takes the first of several frames for the whole (nodejs/node#64741). A window of 8 MiB
 * at most, which is what the levels up to 19 use: the rest would be memory that a hostile frame asks for.
 */
const ZSTD = { chunkSize: CHUNK, rejectGarbageAfterEnd: true, params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/** Codes of node:zlib: corrupt, cut short, followed by junk. */
const ZSTD_FAILURE = /^(?:ZSTD_|Z_|ERR_TRAILING_JUNK)/;

async function readWhole(file: FileHandle, { name, offset, size }: TarEntry): Promise<Buffer> {
  if (size > MAX_MANIFEST_BYTES) throw damaged(name, `it has ${size} bytes, the most is ${MAX_MANIFEST_BYTES}`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, offset);
  if (bytesRead < size) throw damaged(name, "it is cut off");
  return buffer;
}

/** The entries are the manifest's tables, in its order and of its sizes, then the manifest and its digest, and nothing else. */
function checkEntries(entries: readonly TarEntry[], { tables }: Manifest): void {
  const wanted = [...tables.map(({ file }) => file), MANIFEST, DIGEST];
  for (const [index, name] of wanted.entries()) {
    const entry = entries[index];
    if (entry?.name !== name) throw damaged(name, `${entry?.name ?? "nothing"} stands where it should be`);
    const size = tables[index]?.fileBytes;
    if (size !== undefined && entry.size !== size)
      throw damaged(name, `it has ${entry.size} bytes, the manifest says ${size}`);
  }
  const extra = entries[wanted.length];
  if (extra !== undefined) throw damaged(extra.name, "the manifest does not list it");
}

async function readManifest(file: FileHandle, entries: readonly TarEntry[]): Promise<Manifest> {
  const [json, digest] = entries.slice(-2);
  if (json?.name !== MANIFEST || digest?.name !== DIGEST)
    throw damaged(MANIFEST, "it is missing from the end, so the archive is incomplete");
  return parseManifest(await readWhole(file, json), await readWhole(file, digest));
}

function checkTable(table: ManifestTable, raw: Meter, file: Meter): void {
  const pairs = [
    ["compressed bytes", file.bytes, table.fileBytes],
    ["compressed SHA-256", file.sha256(), table.fileSha256],
    ["bytes", raw.bytes, table.rawBytes],
    ["SHA-256", raw.sha256(), table.rawSha256],
    ["rows", raw.lines, table.rows],
  ] as const;
  const [wrong] = pairs.filter(([, found, wanted]) => found !== wanted);
  if (wrong !== undefined) throw damaged(table.file, `its ${wrong[0]}: ${wrong[1]}, the manifest says ${wrong[2]}`);
}

/** The content of an entry, piece by piece. Ends early where the file does, which the sizes then tell. */
async function* slices(file: FileHandle, { offset, size }: TarEntry): AsyncGenerator<Buffer> {
  for (let done = 0; done < size;) {
    const length = Math.min(CHUNK, size - done);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, offset + done);
    if (bytesRead === 0) return;
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function readTable(
  file: FileHandle,
  entry: TarEntry,
  table: ManifestTable,
  sink: Writable,
  { onChunk, signal }: ReadOptions = {},
): Promise<void> {
  const exceeded = () =>
    damaged(table.file, `it unpacks to more than the ${table.rawBytes} bytes that the manifest says`);
  const packed = new Meter();
  const raw = new Meter({ countLines: true, limit: { bytes: table.rawBytes, exceeded }, onChunk });
  try {
    await pipeline(slices(file, entry), packed, createZstdDecompress(ZSTD), raw, sink, { signal });
  } catch (error) {
    // By its code, not by the stream that had it: pipeline() destroys every stream with the first error of any.
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (ZSTD_FAILURE.test(code)) throw damaged(table.file, `zstd: ${message}`, error);
    throw error;
  }
  checkTable(table, raw, packed);
}

async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, "r").catch((cause: unknown) => {
    const isMissing = (cause as { code?: string }).code === "ENOENT";
    throw new RowhouseError("fileMissing", {
      message: isMissing ? `There is no file ${path}` : `Can't read ${path}: ${(cause as Error).message}`,
      hint: "Name an archive that `rowhouse export` wrote.",
      cause,
    });
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new RowhouseError("fileMissing", {
    message: `${path} is not a file`,
    hint: "Name an archive that `rowhouse export` wrote.",
  });
}

/**
 * Opens an archive and checks its container and manifest. Reads no rows, needs no database.
 * @throws RowhouseError fileMissing, archiveDamaged, archiveVersion
 */
export async function openArchive(path: string): Promise<OpenArchive> {
  const file = await openFile(path);
  try {
    const entries = await readTarEntries(file);
    const manifest = await readManifest(file, entries);
    checkEntries(entries, manifest);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    return {
      manifest,
      readTable: (table, sink, options) => readTable(file, byName.get(table.file)!, table, sink, options),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
