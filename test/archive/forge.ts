import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { zstdCompressSync } from "node:zlib";
import { unpackTar } from "modern-tar";
import { fingerprintOf, type Manifest } from "../../src/archive/manifest.ts";
import { tarEnd, tarHeader, tarPadding } from "../../src/archive/tar.ts";

export interface Part {
  readonly name: string;
  readonly data: Buffer;
  /** Instead of the header that Rowhouse writes. */
  readonly header?: Buffer;
}

/** The parts of an archive, in order. Read with another library than ours. */
export async function readParts(path: string): Promise<Part[]> {
  const entries = await unpackTar(await readFile(path), { strict: true });
  return entries.map(({ header, data }) => ({ name: header.name, data: Buffer.from(data!) }));
}

/** A container of these parts, well-formed as far as they let it be. */
export function joinParts(parts: readonly Part[]): Buffer {
  const blocks = parts.flatMap(({ name, data, header }) => [
    header ?? tarHeader(name, data.length, 0),
    data,
    tarPadding(data.length),
  ]);
  return Buffer.concat([...blocks, tarEnd()]);
}

export function manifestOf(parts: readonly Part[]): Manifest {
  return JSON.parse(parts.find(({ name }) => name === "manifest.json")!.data.toString()) as Manifest;
}

/** The parts with another manifest and a digest and fingerprint that fit it: what an attacker with an editor makes. */
export function withManifest(parts: readonly Part[], change: (manifest: Manifest) => void): Part[] {
  const manifest = manifestOf(parts);
  change(manifest);
  manifest.schema.fingerprint = fingerprintOf(manifest.tables);
  const data = Buffer.from(JSON.stringify(manifest));
  const digest = Buffer.from(`${createHash("sha256").update(data).digest("hex")}  manifest.json\n`);
  const changed = new Map([
    ["manifest.json", data],
    ["manifest.sha256", digest],
  ]);
  return parts.map((part) => ({ ...part, data: changed.get(part.name) ?? part.data }));
}

/** The parts with other rows in one table, and a manifest that fits them in everything but the row hash. */
export function withRows(parts: readonly Part[], table: string, rows: string): Part[] {
  const raw = Buffer.from(rows);
  const data = zstdCompressSync(raw);
  const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  const file = manifestOf(parts).tables.find(({ name }) => name === table)!.file;
  const changed = parts.map((part) => (part.name === file ? { ...part, data } : part));
  return withManifest(changed, ({ tables }) => {
    Object.assign(
      tables.find(({ name }) => name === table)!,
      {
        rows: rows.split("\n").length - 1,
        rawBytes: raw.length,
        rawSha256: sha256(raw),
        fileBytes: data.length,
        fileSha256: sha256(data),
      },
    );
  });
}

export async function writeParts(path: string, parts: readonly Part[]): Promise<string> {
  await writeFile(path, joinParts(parts));
  return path;
}
