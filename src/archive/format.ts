import { buildCsv, streamCsv } from "./format-csv.ts";
import { packNdjson, selectJson } from "./format-ndjson.ts";
import { packSql } from "./format-sql.ts";
import { buildSqlite, streamFile } from "./format-sqlite.ts";
import { packArchive, type Packing } from "./pack.ts";
import type { TableShape } from "./shape.ts";

/** How a form comes into being. All are made from what the archive is made from, read in one snapshot and counted before. */
interface FormatFacts {
  /** What a file of it is called after its tenant, when nobody says. */
  readonly suffix: string;
  /** As one stream of bytes. `path` is what {@link FormatFacts.build} made. */
  readonly stream: (packing: Packing, path: string) => AsyncGenerator<Buffer>;
  /** Makes a file or folder first, which is the product where no stream is wanted. */
  readonly build?: (packing: Packing) => Promise<string>;
  /** What COPY reads, where that isn't the columns. */
  readonly select?: (shape: TableShape) => string;
}

export const FORMATS = {
  archive: { suffix: ".rowhouse", stream: packArchive },
  sql: { suffix: ".sql", stream: packSql },
  csv: { suffix: "-csv", build: buildCsv, stream: streamCsv },
  ndjson: { suffix: ".ndjson", stream: packNdjson, select: selectJson },
  sqlite: { suffix: ".sqlite", build: buildSqlite, stream: streamFile },
} as const satisfies Record<string, FormatFacts>;

export type Format = keyof typeof FORMATS;

export function formatFacts(format: Format): FormatFacts {
  return FORMATS[format];
}
