import { Writable } from "node:stream";

/** Characters that text COPY writes after a backslash (PostgreSQL manual, COPY, "Text Format"). */
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** A value of text COPY as people read it. Pure. @param field its bytes as Latin-1 */
export function readField(field: string): string {
  if (field === "\\N") return "null";
  const text = field.replaceAll(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
  return Buffer.from(text, "latin1").toString("utf8");
}

/**
 * Takes text COPY and calls `onLine` for each row. Lines come as Latin-1, one character a byte: quick to make, and a line feed
 * or a tab is never part of another character.
 */
export function lineSink(onLine: (line: string) => void): Writable {
  let rest = "";
  return new Writable({
    highWaterMark: 1 << 18,
    write: (chunk: Buffer, _encoding, done) => {
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
      done();
    },
    final: (done) => done(rest === "" ? null : new Error("The last row does not end")),
  });
}
