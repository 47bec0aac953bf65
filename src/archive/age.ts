import { createDecipheriv, hkdfSync } from "node:crypto";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Decrypter, Encrypter } from "age-encryption";
import { RowhouseError } from "../errors.ts";
import { damaged } from "./damage.ts";
import type { ArchiveSource } from "./source.ts";

/*
 * Encryption is age's (age-encryption.org/v1, C2SP), so that stock `age` opens what we wrote. The library writes it and finds the
 * file key in the header. What follows the header is in chunks that can be decrypted each by itself, so an encrypted archive is
 * read in place, and its rows never lie on a disk in the clear.
 */

/** What a file is encrypted for. */
export interface Locks {
  /** `age1…` */
  readonly recipients?: readonly string[];
  /** Instead of recipients: age takes one or the other. */
  readonly passphrase?: string;
}

/** What opens an encrypted file. */
export interface Unlocks {
  /** `AGE-SECRET-KEY-1…` */
  readonly identities?: readonly string[];
  readonly passphrase?: string;
}

const MAGIC = "age-encryption.org/v1\n";
/** Of a header; 64 kB hold some 300 recipients. */
const MAX_HEADER = 1 << 16;
const CHUNK = 1 << 16;
const TAG = 16;
const SEALED = CHUNK + TAG;
const NONCE = 16;

function makeEncrypter({ recipients = [], passphrase }: Locks): Encrypter {
  const encrypter = new Encrypter();
  if (passphrase !== undefined) encrypter.setPassphrase(passphrase);
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new RowhouseError("usage", {
        message: `Can't encrypt for ${JSON.stringify(recipient.slice(0, 80))}: ${(cause as Error).message}`,
        hint: "A recipient looks like age1…; `age-keygen` makes one. It is that or a passphrase, not both.",
        cause,
      });
    }
  }
  return encrypter;
}

/** @throws RowhouseError usage for recipients that are none, before anything is read or written */
export function checkLocks(locks: Locks): void {
  makeEncrypter(locks);
}

/** Encrypts a stream of bytes as it comes by; memory stays flat. */
export async function* encryptChunks(chunks: AsyncIterable<Buffer>, locks: Locks): AsyncGenerator<Buffer> {
  const source = Readable.toWeb(Readable.from(chunks, { objectMode: false })) as globalThis.ReadableStream<Uint8Array>;
  const sealed = await makeEncrypter(locks).encrypt(source);
  for await (const chunk of sealed as unknown as ReadableStream<Uint8Array>) yield Buffer.from(chunk);
}

function locked(message: string, cause?: unknown): RowhouseError {
  return new RowhouseError("archiveLocked", {
    message,
    hint: "Name the file of the age identity with --identity, or set ARCHIVE_PASSPHRASE.",
    cause,
  });
}

/** The header with its MAC, up to and with its last line feed. */
async function readHeader(source: ArchiveSource): Promise<Buffer> {
  const start = await source.read(MAX_HEADER, 0);
  const mac = start.indexOf("\n--- ");
  const end = mac === -1 ? -1 : start.indexOf("\n", mac + 1);
  if (end === -1) throw damaged(null, "its age header has no end");
  return start.subarray(0, end + 1);
}

async function findFileKey(header: Buffer, { identities = [], passphrase }: Unlocks): Promise<Uint8Array> {
  if (identities.length === 0 && passphrase === undefined) throw locked("The archive is encrypted");
  const decrypter = new Decrypter();
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
  } catch (cause) {
    throw locked("An identity is not one of age", cause); // the library's message may show it
  }
  if (passphrase !== undefined) decrypter.addPassphrase(passphrase);
  return decrypter.decryptHeader(header).catch((cause: unknown) => {
    throw locked(`None of the keys given opens the archive: ${(cause as Error).message}`, cause);
  });
}

/** Eleven bytes of the chunk's number, and whether it is the last (C2SP age, "Payload"). */
function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function openChunk(key: Uint8Array, sealed: Buffer, index: number, isLast: boolean): Buffer {
  const cipher = createDecipheriv("chacha20-poly1305", key, nonceOf(index, isLast), { authTagLength: TAG });
  cipher.setAuthTag(sealed.subarray(-TAG));
  try {
    return Buffer.concat([cipher.update(sealed.subarray(0, -TAG)), cipher.final()]);
  } catch (error) {
    throw damaged(null, `its encrypted chunk ${index} was changed or cut`, error);
  }
}

/** The plaintext of `count` chunks from `first` on. */
async function openChunks(file: ArchiveSource, key: Uint8Array, start: number, first: number, count: number) {
  const last = Math.ceil((file.size - start) / SEALED) - 1;
  const sealed = await file.read(count * SEALED, start + first * SEALED);
  const opened: Buffer[] = [];
  for (let at = 0; at < sealed.length; at += SEALED) {
    const index = first + at / SEALED;
    const chunk = sealed.subarray(at, at + SEALED);
    if (chunk.length <= TAG) throw damaged(null, `its encrypted chunk ${index} is cut`);
    opened.push(openChunk(key, chunk, index, index === last));
  }
  return Buffer.concat(opened);
}

/** @returns whether the file begins as one of age does */
export async function isEncrypted(source: ArchiveSource): Promise<boolean> {
  return (await source.read(MAGIC.length, 0)).toString("latin1") === MAGIC;
}

/**
 * What is inside a file of age, to be read anywhere. Closes the file when it is closed. The last chunk is opened at once: it alone
 * says that it is the last, so a file that was cut is refused before anything of it is used.
 * @throws RowhouseError archiveLocked, archiveDamaged; reading throws archiveDamaged where a chunk was changed
 */
export async function unlockSource(file: ArchiveSource, unlocks: Unlocks): Promise<ArchiveSource> {
  const header = await readHeader(file);
  const fileKey = await findFileKey(header, unlocks);
  const nonce = await file.read(NONCE, header.length);
  const start = header.length + NONCE;
  const body = file.size - start;
  const chunks = Math.ceil(body / SEALED);
  if (body <= TAG) throw damaged(null, "its encrypted content is cut off");
  const key = new Uint8Array(hkdfSync("sha256", fileKey, nonce, "payload", 32));
  await openChunks(file, key, start, chunks - 1, 1);
  const size = body - chunks * TAG;
  return {
    size,
    read: async (length, position) => {
      const end = Math.min(position + length, size);
      if (end <= position) return Buffer.alloc(0);
      const first = Math.floor(position / CHUNK);
      const opened = await openChunks(file, key, start, first, Math.floor((end - 1) / CHUNK) - first + 1);
      return opened.subarray(position - first * CHUNK, end - first * CHUNK);
    },
    close: () => file.close(),
  };
}
