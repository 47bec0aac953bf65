import { tableName } from "./manifest.ts";
import { finishTable, readSpool, type Packing } from "./pack.ts";
import { readLines } from "./rows.ts";
import { selectText, type TableShape } from "./shape.ts";

/** What COPY reads for this format: PostgreSQL itself turns a row into JSON, so that every type is what its API would say. Pure. */
export function selectJson(shape: TableShape): string {
  // `r.*`, since a column may be called r
  return `select row_to_json(r.*) from (${selectText(shape)}) r`;
}

/** JSON out of a line of text COPY. A line break can only be blank space of a value of type json, so it may as well be a space. */
function unescapeJson(line: string): string {
  return line.includes("\\")
    ? line.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === "\\" ? "\\" : " "))
    : line;
}

/** One row a line, with the name of its table: `{"table":"app.customers","row":{…}}`. */
export async function* packNdjson(packing: Packing): AsyncGenerator<Buffer> {
  for (const [index, table] of packing.facts.tables.entries()) {
    const before = `{"table":${JSON.stringify(tableName(table))},"row":`;
    for await (const lines of readLines(readSpool(packing, index)))
      yield Buffer.from(lines.map((line) => `${before}${unescapeJson(line)}}\n`).join(""));
    await finishTable(packing, index);
  }
}
