import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ManifestTable } from "./manifest.ts";
import { finishTable, readSpool, timeOf, type Packing } from "./pack.ts";
import { readRows, type Field } from "./rows.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";

/** Null is nothing between the commas, an empty text is "", as PostgreSQL's own CSV has it. Pure. */
function quote(field: Field): string {
  if (field === null) return "";
  return field === "" || field === "\\." || /[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** Records of RFC 4180, ended by CR LF. Pure. */
function formatRecords(rows: readonly (readonly Field[])[]): string {
  return rows.map((row) => `${row.map(quote).join(",")}\r\n`).join("");
}

async function* csvOf(packing: Packing, index: number, { columns }: ManifestTable): AsyncGenerator<Buffer> {
  yield Buffer.from(formatRecords([columns.map(({ name }) => name)]));
  for await (const rows of readRows(readSpool(packing, index))) yield Buffer.from(formatRecords(rows));
}

/** A folder with a file for each table. @returns its path */
export async function buildCsv(packing: Packing): Promise<string> {
  const folder = packing.workshop.productPath;
  await mkdir(folder, { mode: 0o700 });
  for (const [index, table] of packing.facts.tables.entries()) {
    const path = join(folder, `${basename(table.file, ".copy.zst")}.csv`);
    await pipeline(csvOf(packing, index, table), createWriteStream(path, { flags: "wx", mode: 0o600, flush: true }));
    await finishTable(packing, index);
  }
  return folder;
}

/** The folder as a tar, for where only one stream of bytes fits. */
export async function* streamCsv({ facts }: Packing, folder: string): AsyncGenerator<Buffer> {
  const mtime = timeOf(facts);
  for (const name of (await readdir(folder)).toSorted()) {
    const path = join(folder, name);
    const { size } = await stat(path);
    yield tarHeader(name, size, mtime);
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
    yield tarPadding(size);
  }
  yield tarEnd();
}
