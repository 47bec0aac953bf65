import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { DIGEST, MANIFEST, SCRIPT, SIGNATURE, renderManifest, tableName, type ManifestFacts } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { renderRestoreSql } from "./restore-sql.ts";
import type { TableShape } from "./shape.ts";
import type { Signer } from "./sign.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";
import type { Workshop } from "./workshop.ts";

/** A tenant that was read whole and counted, ready to be put into a form. */
export interface Packing {
  readonly workshop: Workshop;
  readonly facts: ManifestFacts;
  /** In the order of the manifest's tables. */
  readonly shapes: readonly TableShape[];
  /** Signs the manifest. */
  readonly signer?: Signer;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const CHUNK = 1 << 18;

/** The rows of a table as text COPY gave them. */
export async function* readSpool({ workshop, signal }: Packing, index: number): AsyncGenerator<Buffer> {
  const file = createReadStream(workshop.spoolPath(index), { highWaterMark: CHUNK });
  // A failure destroys the last stream with its error, which the loop gets.
  const rows = pipeline(file, createZstdDecompress({ chunkSize: CHUNK }), () => {});
  for await (const chunk of rows as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

/** Says that a table is in, and lets go of its spool: the disk holds each table twice at most. */
export async function finishTable({ workshop, facts, onProgress, signal }: Packing, index: number): Promise<void> {
  const table = facts.tables[index]!;
  const { rows, fileBytes: bytes } = table;
  const sizes = { rows, totalRows: rows, bytes, totalBytes: bytes, allRows: null };
  await rm(workshop.spoolPath(index));
  onProgress?.({ phase: "pack", table: tableName(table), ...sizes, done: true });
  signal?.throwIfAborted();
}

function tarEntry(name: string, content: Buffer, mtime: number): Buffer {
  return Buffer.concat([tarHeader(name, content.length, mtime), content, tarPadding(content.length)]);
}

/** Everything of a manifest, what the packing adds included. Pure. */
export function describePacking({ facts, shapes }: Pick<Packing, "facts" | "shapes">): Manifest {
  return renderManifest(facts, renderRestoreSql(facts, shapes)).manifest;
}

/** When the rows are of, in seconds since 1970: what files of them are dated. */
export function timeOf({ snapshot }: ManifestFacts): number {
  return Math.floor(Date.parse(snapshot.at) / 1000);
}

/** The container: the tables' data in the manifest's order, the script, the manifest, its digest and, if asked for, its signature. */
export async function* packArchive(packing: Packing): AsyncGenerator<Buffer> {
  const { workshop, facts, shapes, signer } = packing;
  const script = renderRestoreSql(facts, shapes);
  const { json, digest } = renderManifest(facts, script);
  const mtime = timeOf(facts);
  for (const [index, { file, fileBytes }] of facts.tables.entries()) {
    yield tarHeader(file, fileBytes, mtime);
    yield* createReadStream(workshop.spoolPath(index), { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
    yield tarPadding(fileBytes);
    await finishTable(packing, index);
  }
  yield tarEntry(SCRIPT, script, mtime);
  yield tarEntry(MANIFEST, json, mtime);
  yield tarEntry(DIGEST, digest, mtime);
  if (signer !== undefined) yield tarEntry(SIGNATURE, signer.sign(json, "rowhouse-archive"), mtime);
  yield tarEnd();
}
