import { createWriteStream } from "node:fs";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { RowhouseError } from "../errors.ts";
import { encryptChunks, type Locks } from "./age.ts";
import { formatFacts, type Format } from "./format.ts";
import { packTail, type Packing } from "./pack.ts";

/** Where an export goes, and how. */
export interface Delivery {
  /** A path, or what takes the bytes, which stays open. */
  readonly path: string | Writable;
  readonly overwrite?: boolean;
  readonly format?: Format;
  readonly encrypt?: Locks;
}

/** A folder that is written over goes away whole: it may hold nothing but what an export put there. */
async function isReplaceable(path: string, isFolder: boolean): Promise<boolean> {
  if (!isFolder) return true;
  const entries = await readdir(path, { withFileTypes: true });
  return entries.every((entry) => entry.isFile() && entry.name.endsWith(".csv"));
}

/** @throws RowhouseError fileExists */
export async function assertFree({ path, overwrite = false }: Delivery): Promise<void> {
  if (typeof path !== "string") return;
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (overwrite && (await isReplaceable(path, found.isDirectory())))) return;
  throw new RowhouseError("fileExists", {
    message: overwrite ? `${path} is a folder with more in it than CSV files` : `${path} exists`,
    hint: overwrite ? "Choose another name." : "Choose another name, or add --overwrite.",
  });
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  await file.sync().catch(() => {}); // not every file system syncs folders
  await file.close();
}

/** Gives the finished product its name, in one step that also survives a power cut; a folder that was there goes in another. */
async function publish(product: string, delivery: Delivery & { readonly path: string }): Promise<void> {
  const { path } = delivery;
  await syncPath(product);
  await assertFree(delivery);
  const wasFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (wasFolder) await rename(path, join(dirname(product), "replaced"));
  else if ((await stat(product)).isDirectory()) await rm(path, { force: true });
  await rename(product, path);
  await syncPath(dirname(path));
}

/** Whether it may be written while the tenant is still being read: only a file can be taken back when the reading fails. */
export function growsEarly({ path, format = "archive", encrypt }: Delivery): boolean {
  return typeof path === "string" && format === "archive" && encrypt === undefined;
}

/**
 * Puts what was read into its form and delivers it: under its name only when it is whole, to a stream only after everything was
 * read and counted.
 * @throws RowhouseError fileExists; the signal's reason
 */
export async function deliver(packing: Packing, delivery: Delivery): Promise<void> {
  const { path, format = "archive", encrypt } = delivery;
  const { build, stream } = formatFacts(format);
  const { container } = packing;
  const { productPath } = packing.workshop;
  if (container !== undefined && typeof path === "string") {
    await container.finish(packTail(packing));
    await publish(productPath, { ...delivery, path });
    return;
  }
  const built = (await build?.(packing)) ?? productPath;
  if (typeof path === "string" && build !== undefined && encrypt === undefined) {
    await publish(built, { ...delivery, path });
    return;
  }
  const plain = stream(packing, built);
  const chunks = encrypt === undefined ? plain : encryptChunks(plain, encrypt);
  const { signal } = packing;
  if (typeof path !== "string") {
    await pipeline(chunks, path, { signal, end: false });
    return;
  }
  const streamed = `${productPath}.stream`;
  await pipeline(chunks, createWriteStream(streamed, { flags: "wx", mode: 0o600 }), { signal });
  await publish(streamed, { ...delivery, path });
}
