import { damaged } from "./damage.ts";
import type { ArchiveSource } from "./source.ts";

/*
 * The container is a POSIX ustar file (IEEE Std 1003.1-2017, pax, "ustar Interchange Format") of regular files only, written
 * in one canonical way. The reader makes each header anew from its name, size and time and wants the very same 512 bytes: what
 * tar libraries have to guard against one by one (links, devices, paths, pax names, sparse files; threats.md, C02) can't be
 * spelled at all, and no flipped bit of a header goes unseen.
 */

const BLOCK = 512;
/** Two blocks of zeros end a tar file. */
const END = Buffer.alloc(2 * BLOCK);
/** Eleven octal digits; beyond it the GNU form, which GNU tar, bsdtar and Python read: 0x80 and a big-endian number. */
const OCTAL_LIMIT = 8 ** 11;
const MAX_ENTRIES = 20_000;
const NAME = /^(?:data\/[a-z0-9_.-]{1,86}\.copy\.zst|restore\.sql|manifest\.(?:json|sha256|sig))$/;

export interface TarEntry {
  readonly name: string;
  /** Of the first byte of its content. */
  readonly offset: number;
  /** Bytes of content. */
  readonly size: number;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

/** The header of a regular file of mode 600 that belongs to nobody. `mtime` in seconds since 1970. */
export function tarHeader(name: string, size: number, mtime: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, "utf8");
  block.write(octal(0o600, 8) + octal(0, 8) + octal(0, 8), 100, "latin1");
  if (size < OCTAL_LIMIT) {
    block.write(octal(size, 12), 124, "latin1");
  } else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write(octal(mtime, 12), 136, "latin1");
  block.write("        0", 148, "latin1"); // the checksum counts as spaces; type 0 is a regular file
  block.write("ustar\x0000", 257, "latin1");
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Zeros that fill the last block of a content of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

export function tarEnd(): Buffer {
  return END;
}

function parseHeader(block: Buffer): { name: string; size: number; mtime: number } {
  const text = (start: number, length: number) =>
    block.toString("latin1", start, start + length).split("\0", 1)[0] ?? "";
  const size = block[124] === 0x80 ? Number(block.readBigUInt64BE(128)) : Number.parseInt(text(124, 12), 8);
  return { name: text(0, 100), size, mtime: Number.parseInt(text(136, 12), 8) };
}

async function readBlock(file: ArchiveSource, offset: number, length = BLOCK): Promise<Buffer> {
  const block = await file.read(length, offset);
  if (block.length < length) throw damaged(null, `it ends in the middle, after ${offset + block.length} bytes`);
  return block;
}

async function checkEnd(file: ArchiveSource, offset: number): Promise<void> {
  if (offset + END.length > file.size) throw damaged(null, "its end is cut off");
  if (offset + END.length < file.size) throw damaged(null, "something follows its end");
  if (!END.equals(await readBlock(file, offset, END.length))) throw damaged(null, "its end is not two blocks of zeros");
}

/** The entry whose header stands at `offset`, or null where the end marker begins. */
async function readEntry(file: ArchiveSource, offset: number): Promise<TarEntry | null> {
  const block = await readBlock(file, offset);
  if (block.equals(END.subarray(0, BLOCK))) return null;
  const { name, size, mtime } = parseHeader(block);
  const isCanonical =
    Number.isSafeInteger(size) && size >= 0 && mtime >= 0 && tarHeader(name, size, mtime).equals(block);
  if (!isCanonical || !NAME.test(name)) {
    throw damaged(null, `the header at byte ${offset} is not one that Rowhouse writes (name ${JSON.stringify(name)})`);
  }
  const padding = tarPadding(size);
  if (offset + BLOCK + size + padding.length > file.size) throw damaged(name, "it is cut off");
  const after = await readBlock(file, offset + BLOCK + size, padding.length);
  if (!after.equals(padding)) throw damaged(name, "its padding is not zeros");
  return { name, offset: offset + BLOCK, size };
}

/**
 * The entries of the container, in order, with every header, padding and end marker checked. Reads no content.
 * @throws RowhouseError archiveDamaged
 */
export async function readTarEntries(file: ArchiveSource): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>();
  let offset = 0;
  while (true) {
    const entry = await readEntry(file, offset);
    if (entry === null) break;
    if (entries.has(entry.name)) throw damaged(entry.name, "it is there twice");
    entries.set(entry.name, entry);
    if (entries.size > MAX_ENTRIES) throw damaged(null, `it has more than ${MAX_ENTRIES} entries`);
    offset = entry.offset + entry.size + tarPadding(entry.size).length;
  }
  await checkEnd(file, offset);
  return [...entries.values()];
}
