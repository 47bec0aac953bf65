import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import type { Container } from "./container.ts";
import { DIGEST, MANIFEST, SCRIPT, SIGNATURE, renderManifest, tableName, type ManifestFacts } from "./manifest.ts";
import type { Manifest, ManifestTable } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { renderRestoreSql } from "./restore-sql.ts";
import type { TableShape } from "./shape.ts";
import type { Signer } from "./sign.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";
import type { Workshop } from "./workshop.ts";

/** Where the rows of tables lie before they are packed. */
export interface Spools extends Pick<Packing, "workshop" | "onProgress" | "signal"> {
  /** In the order of the manifest's tables. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
}

/** A tenant that was read whole and counted, ready to be put into a form. */
export interface Packing {
  readonly workshop: Workshop;
  readonly facts: ManifestFacts;
  /** In the order of the manifest's tables. */
  readonly shapes: readonly TableShape[];
  /** The archive's file, where the tables went while they were read. */
  readonly container?: Container | undefined;
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
export async function finishSpool(
  { workshop, tables, onProgress, signal }: Spools,
  index: number,
  { rows, fileBytes: bytes }: Pick<ManifestTable, "rows" | "fileBytes">,
): Promise<void> {
  const sizes = { rows, totalRows: rows, bytes, totalBytes: bytes, allRows: null };
  await rm(workshop.spoolPath(index));
  onProgress?.({ phase: "pack", table: tableName(tables[index]!), ...sizes, done: true });
  signal?.throwIfAborted();
}

export async function finishTable(packing: Packing, index: number): Promise<void> {
  const { tables } = packing.facts;
  await finishSpool({ ...packing, tables }, index, tables[index]!);
}

function tarEntry(name: string, content: Buffer, mtime: number): Buffer {
  return Buffer.concat([tarHeader(name, content.length, mtime), content, tarPadding(content.length)]);
}

/** Everything of a manifest, what the packing adds included. Pure. */
export function describePacking({ facts, shapes }: Pick<Packing, "facts" | "shapes">): Manifest {
  return renderManifest(facts, renderRestoreSql(facts, shapes)).manifest;
}

/** When the rows are of, in seconds since 1970: what files of them are dated. */
export function timeOf({ snapshot }: Pick<ManifestFacts, "snapshot">): number {
  return Math.floor(Date.parse(snapshot.at) / 1000);
}

/** What stands in the container behind the tables: the script, the manifest, its digest and, if asked for, its signature. */
export function* packTail({ facts, shapes, signer }: Packing): Generator<Buffer> {
  const script = renderRestoreSql(facts, shapes);
  const { json, digest } = renderManifest(facts, script);
  const mtime = timeOf(facts);
  yield tarEntry(SCRIPT, script, mtime);
  yield tarEntry(MANIFEST, json, mtime);
  yield tarEntry(DIGEST, digest, mtime);
  if (signer !== undefined) yield tarEntry(SIGNATURE, signer.sign(json, "rowhouse-archive"), mtime);
  yield tarEnd();
}

/** The container as a stream: the tables' data in the manifest's order, and what stands behind them. */
export async function* packArchive(packing: Packing): AsyncGenerator<Buffer> {
  const { workshop, facts } = packing;
  for (const [index, { file, fileBytes }] of facts.tables.entries()) {
    yield tarHeader(file, fileBytes, timeOf(facts));
    yield* createReadStream(workshop.spoolPath(index), { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
    yield tarPadding(fileBytes);
    await finishTable(packing, index);
  }
  yield* packTail(packing);
}
