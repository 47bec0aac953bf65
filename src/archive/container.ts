import { open, type FileHandle } from "node:fs/promises";
import type { Copied } from "./copy.ts";
import { fileNames } from "./manifest.ts";
import { finishSpool, type Spools } from "./pack.ts";
import { tarHeader, tarPadding } from "./tar.ts";

const CHUNK = 1 << 20;
/** Bytes after which the disk is told to begin: otherwise all of them wait for the fsync at the end, and the export with them. */
const SYNC_AFTER = 8 << 20;

/** Writes to the end of a file, and has the disk follow meanwhile. */
class SyncingFile {
  readonly #file: FileHandle;
  #unsynced = 0;
  #syncing: Promise<void> | null = null;
  #failure: unknown;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#file.writeFile(bytes); // unlike write(), goes on after a partial one
    this.#unsynced += bytes.length;
    if (this.#syncing !== null || this.#unsynced < SYNC_AFTER) return;
    this.#unsynced = 0;
    this.#syncing = this.#file
      .datasync()
      .catch((error: unknown) => void (this.#failure ??= error))
      .finally(() => (this.#syncing = null));
  }

  /** @throws what syncing threw: the kernel says it once (fsync(2), EIO) */
  async close(): Promise<void> {
    await this.#syncing;
    await this.#file.close();
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The file of an archive while it grows: tables go into it, in the manifest's order, while others are still being read. */
export interface Container {
  /** Says that a table's rows are in their spool, whole. */
  add(index: number, copied: Copied): void;
  /** Writes what stands behind the tables, once all are in. @throws what writing any of it threw */
  finish(tail: Iterable<Buffer>): Promise<void>;
  /** Closes the file as it is. Never throws. */
  abandon(): Promise<void>;
}

/** @param mtime of its entries, in seconds since 1970 */
export async function openContainer(spools: Spools, mtime: number): Promise<Container> {
  const { workshop, tables } = spools;
  const file = new SyncingFile(await open(workshop.productPath, "wx", 0o600));
  const arrivals = tables.map(() => Promise.withResolvers<Copied>());
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  const appendSpool = async (index: number) => {
    const spool = await open(workshop.spoolPath(index), "r");
    try {
      for (;;) {
        const { bytesRead } = await spool.read(buffer, 0, CHUNK);
        if (bytesRead === 0) return;
        await file.write(buffer.subarray(0, bytesRead));
      }
    } finally {
      await spool.close();
    }
  };
  const writeTables = async () => {
    for (const [index, name] of fileNames(tables).entries()) {
      const copied = await arrivals[index]!.promise;
      await file.write(tarHeader(name, copied.fileBytes, mtime));
      await appendSpool(index);
      await file.write(tarPadding(copied.fileBytes));
      await finishSpool(spools, index, copied);
    }
  };
  const written = writeTables();
  written.catch(() => {}); // finish() says it
  return {
    add: (index, copied) => arrivals[index]!.resolve(copied),
    finish: async (tail) => {
      await written;
      for (const bytes of tail) await file.write(bytes);
      await file.close();
    },
    abandon: async () => {
      for (const { promise, reject } of arrivals) {
        promise.catch(() => {});
        reject(new Error("abandoned"));
      }
      await written.catch(() => {});
      await file.close().catch(() => {});
    },
  };
}
