/** A value as text COPY has it; null for SQL's. */
export type Field = string | null;

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** Undoes what COPY TO escapes (PostgreSQL manual, COPY, "Text Format"). Pure. */
function unescape(field: string): Field {
  if (!field.includes("\\")) return field;
  if (field === "\\N") return null;
  return field.replaceAll(/\\(.)/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
}

/** Lines of text COPY, each chunk's whole ones at a time, without their line feeds. A line of any length is put together once. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let begun: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(10);
    if (end === -1) {
      begun.push(chunk);
      continue;
    }
    const whole = Buffer.concat([...begun, chunk.subarray(0, end)]);
    begun = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    yield whole.toString("utf8").split("\n");
  }
}

/** Rows of text COPY, as many at a time as a chunk holds. */
export async function* readRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<Field[][]> {
  for await (const lines of readLines(chunks)) yield lines.map((line) => line.split("\t").map(unescape));
}
