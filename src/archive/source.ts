import { open } from "node:fs/promises";
import { RowhouseError } from "../errors.ts";

/** Bytes that can be read anywhere: a file, or what is inside an encrypted one. */
export interface ArchiveSource {
  /** In bytes. */
  readonly size: number;
  /** @returns `length` bytes from `position` on; fewer only where the source ends */
  read(length: number, position: number): Promise<Buffer>;
  close(): Promise<void>;
}

function unreadable(message: string, cause?: unknown): RowhouseError {
  return new RowhouseError("fileMissing", { message, hint: "Name a file that `rowhouse export` wrote.", cause });
}

/** @throws RowhouseError fileMissing, also for what is no file */
export async function openSource(path: string): Promise<ArchiveSource> {
  const file = await open(path, "r").catch((cause: unknown) => {
    const isMissing = (cause as { code?: string }).code === "ENOENT";
    throw unreadable(isMissing ? `There is no file ${path}` : `Can't read ${path}: ${(cause as Error).message}`, cause);
  });
  const facts = await file.stat();
  if (!facts.isFile()) {
    await file.close();
    throw unreadable(`${path} is not a file`);
  }
  return {
    size: facts.size,
    read: async (length, position) => {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}
