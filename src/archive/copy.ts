import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib";
import { copyOut, type CopyOut } from "./copy-out.ts";
import type { ManifestTable } from "./manifest.ts";
import type { Session } from "./session.ts";

/** What copying a table tells about it. */
export type Copied = Pick<ManifestTable, "rows" | "rawBytes" | "rawSha256" | "fileBytes" | "fileSha256">;

/** Level 1: 4:1 at some 500 MB/s and core. Level 3 takes twice as long for 4 % less. One frame, with a checksum. */
export const ZSTD = {
  chunkSize: 1 << 18,
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
};

export interface CopyOptions {
  /** Called with what was read so far, once per block of a megabyte. */
  readonly onBlock: (rows: number, bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

function compress(zstd: ZstdCompress, block: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    zstd.write(block, (error) => (error == null ? resolve() : reject(error)));
  });
}

/** While one block is compressed, in a thread of libuv's, the next one is read. */
async function feed(
  source: CopyOut,
  zstd: ZstdCompress,
  { onBlock }: CopyOptions,
): Promise<Pick<Copied, "rawBytes" | "rawSha256">> {
  const hash = createHash("sha256");
  let rawBytes = 0;
  for await (const block of source as AsyncIterable<Buffer<ArrayBuffer>>) {
    rawBytes += block.length;
    const compressed = compress(zstd, block);
    hash.update(block);
    onBlock(source.rows, rawBytes);
    await compressed;
    source.recycle(block);
  }
  zstd.end();
  return { rawBytes, rawSha256: hash.digest("hex") };
}

/** Writes what comes compressed into a new file. @throws what the stream or the disk does */
async function spool(zstd: ZstdCompress, path: string): Promise<Pick<Copied, "fileBytes" | "fileSha256">> {
  const hash = createHash("sha256");
  let fileBytes = 0;
  await using file = await open(path, "wx", 0o600);
  for await (const chunk of zstd as AsyncIterable<Buffer<ArrayBuffer>>) {
    hash.update(chunk);
    await file.writeFile(chunk); // unlike write(), goes on after a partial one
    fileBytes += chunk.length;
    // The last of its buffer: what zlib fills next is another. Freed now, since the garbage collector would run for every 12 MB.
    const { byteLength } = chunk.buffer;
    if (byteLength === ZSTD.chunkSize && chunk.byteOffset + chunk.length === byteLength) chunk.buffer.transfer(0);
  }
  return { fileBytes, fileSha256: hash.digest("hex") };
}

/**
 * Copies what `select` gives as text COPY, compressed, into a file that is not there yet. It has to be a select: under row-level
 * security `copy table` sees nothing of a partitioned one.
 * @throws RowhouseError exportInconsistent when the server counted other rows; the signal's reason
 */
export async function copyTable(session: Session, select: string, path: string, options: CopyOptions): Promise<Copied> {
  options.signal?.throwIfAborted();
  const source = copyOut(session, `copy (${select}) to stdout`);
  const zstd = createZstdCompress(ZSTD);
  // spool() hears of an error once its file is open; until then one that nobody listens to would end the process.
  zstd.on("error", () => {});
  if (options.signal !== undefined) addAbortSignal(options.signal, zstd);
  const written = spool(zstd, path);
  try {
    const [raw, file] = await Promise.all([feed(source, zstd, options), written]);
    return { rows: source.rows, ...raw, ...file };
  } catch (error) {
    source.destroy();
    zstd.destroy();
    await written.catch(() => {}); // the file is closed then
    throw error;
  }
}
