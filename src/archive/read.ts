import { createHash } from "node:crypto";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { isEncrypted, unlockSource, type Unlocks } from "./age.ts";
import { damaged } from "./damage.ts";
import { DIGEST, MANIFEST, SCRIPT, SIGNATURE, parseManifest, type Manifest, type ManifestTable } from "./manifest.ts";
import { Meter } from "./meter.ts";
import { demandSignature, readSignature, type PublicKey, type Signature } from "./sign.ts";
import { openSource, type ArchiveSource } from "./source.ts";
import { readTarEntries, type TarEntry } from "./tar.ts";

export interface ReadOptions {
  /** Called with the uncompressed totals so far, once per chunk. */
  readonly onChunk?: (meter: Meter) => void;
  readonly signal?: AbortSignal;
}

/** What opens an archive, and who must have signed it. */
export interface ArchiveKeys extends Unlocks {
  /** Public keys, `ssh-ed25519 AAAA…`. With any, an archive that none of them signed is refused. */
  readonly publicKeys?: readonly string[];
}

/** An archive whose container and manifest were checked. Its tables' data is checked as it is read. */
export interface OpenArchive {
  readonly manifest: Manifest;
  /** Null when it is not signed. */
  readonly signature: Signature | null;
  readonly encrypted: boolean;
  /** Of the file. */
  readonly bytes: number;
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

async function readWhole(source: ArchiveSource, { name, offset, size }: TarEntry): Promise<Buffer> {
  if (size > MAX_MANIFEST_BYTES) throw damaged(name, `it has ${size} bytes, the most is ${MAX_MANIFEST_BYTES}`);
  const content = await source.read(size, offset);
  if (content.length < size) throw damaged(name, "it is cut off");
  return content;
}

/** The manifest's tables, in its order and of its sizes, then the script, the manifest and what belongs to it, and nothing else. */
function checkEntries(entries: readonly TarEntry[], { tables }: Manifest, isSigned: boolean): void {
  const wanted = [...tables.map(({ file }) => file), SCRIPT, MANIFEST, DIGEST, ...(isSigned ? [SIGNATURE] : [])];
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

/** What stands at the end of the container, checked against one another. */
interface Head {
  readonly manifest: Manifest;
  readonly signedBy: PublicKey | null;
}

async function readHead(source: ArchiveSource, entries: readonly TarEntry[]): Promise<Head> {
  const isSigned = entries.at(-1)?.name === SIGNATURE;
  const signature = isSigned ? entries.at(-1) : undefined;
  const [digest, manifest, script] = entries.slice(0, isSigned ? -1 : undefined).toReversed();
  if (manifest?.name !== MANIFEST || digest?.name !== DIGEST)
    throw damaged(MANIFEST, "it is missing from the end, so the archive is incomplete");
  const json = await readWhole(source, manifest);
  const parsed = parseManifest(json, await readWhole(source, digest));
  checkEntries(entries, parsed, isSigned);
  const sha256 = createHash("sha256")
    .update(await readWhole(source, script!))
    .digest("hex");
  if (sha256 !== parsed.restoreSql.sha256) throw damaged(SCRIPT, "it is not the one that the manifest was made for");
  const signedBy = signature && readSignature(json, await readWhole(source, signature), "rowhouse-archive");
  return { manifest: parsed, signedBy: signedBy ?? null };
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
async function* slices(source: ArchiveSource, { offset, size }: TarEntry): AsyncGenerator<Buffer> {
  for (let done = 0; done < size;) {
    const slice = await source.read(Math.min(CHUNK, size - done), offset + done);
    if (slice.length === 0) return;
    done += slice.length;
    yield slice;
  }
}

async function readTable(
  source: ArchiveSource,
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
    await pipeline(slices(source, entry), packed, createZstdDecompress(ZSTD), raw, sink, { signal });
  } catch (error) {
    // By its code, not by the stream that had it: pipeline() destroys every stream with the first error of any.
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (ZSTD_FAILURE.test(code)) throw damaged(table.file, `zstd: ${message}`, error);
    throw error;
  }
  checkTable(table, raw, packed);
}

/** The container's bytes, and whether they had to be decrypted. Closes the file when that fails. */
async function unlock(file: ArchiveSource, keys: ArchiveKeys): Promise<{ source: ArchiveSource; encrypted: boolean }> {
  try {
    const encrypted = await isEncrypted(file);
    return { source: encrypted ? await unlockSource(file, keys) : file, encrypted };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Opens an archive and checks its container, manifest and signature. Reads no rows, needs no database. An encrypted one is decrypted
 * in memory, chunk by chunk, as it is read.
 * @throws RowhouseError fileMissing, archiveDamaged, archiveVersion, archiveLocked, signatureInvalid
 */
export async function openArchive(path: string, keys: ArchiveKeys = {}): Promise<OpenArchive> {
  const file = await openSource(path);
  const { source, encrypted } = await unlock(file, keys);
  try {
    const entries = await readTarEntries(source);
    const { manifest, signedBy } = await readHead(source, entries);
    const signature = demandSignature(signedBy, keys.publicKeys ?? []);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    return {
      manifest,
      signature,
      encrypted,
      bytes: file.size,
      readTable: (table, sink, options) => readTable(source, byName.get(table.file)!, table, sink, options),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}
