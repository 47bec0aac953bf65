import { refuseBody } from "./json-body.ts";

/** Rows of a CSV body by the names in its first line. */
export interface CsvBody {
  readonly keys: readonly string[];
  readonly rows: readonly Readonly<Record<string, string | null>>[];
}

/** Where unquoted text ends. */
const PLAIN = /[^,"\r\n]*/y;
const LINE_END = /\r\n|\r|\n/y;

/** RFC 4180 with any line end, and no leniency: a quote stands only around a whole field. */
class CsvReader {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  record(): string[] {
    const fields = [this.#field()];
    while (this.#text[this.#at] === ",") {
      this.#at += 1;
      fields.push(this.#field());
    }
    if (!this.isAtEnd && this.#take(LINE_END) === undefined) this.#fail("a quoted field goes on after its quote");
    this.#line += 1;
    return fields;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #field(): string {
    if (this.#text[this.#at] === '"') return this.#quoted();
    const plain = this.#take(PLAIN) ?? "";
    if (this.#text[this.#at] === '"') this.#fail("a quote stands inside of a field");
    return plain;
  }

  #quoted(): string {
    let from = this.#at + 1;
    let read = "";
    for (;;) {
      const quote = this.#text.indexOf('"', from);
      if (quote < 0) this.#fail("a quoted field does not end");
      read += this.#text.slice(from, quote);
      from = quote + 2;
      if (this.#text[quote + 1] !== '"') {
        this.#at = quote + 1;
        return read;
      }
      read += '"';
    }
  }

  #fail(reason: string): never {
    refuseBody("Invalid csv", `Record ${this.#line}: ${reason}.`);
  }
}

const isBlank = (record: readonly string[]): boolean => record.length === 1 && record[0] === "";

/**
 * CSV to rows, as PostgREST reads it: the first line names the columns, `NULL` is null, empty lines are left out, fields beyond the last
 * name as well.
 * @throws RowhouseError bodyInvalid for text that is not CSV, or has lines of different length
 */
export function parseCsv(text: string): CsvBody {
  if (text === "") refuseBody("Empty or invalid csv");
  const reader = new CsvReader(text);
  const names = reader.record();
  const records: string[][] = [];
  while (!reader.isAtEnd) {
    const record = reader.record();
    if (!isBlank(record)) records.push(record);
  }
  const width = Math.min(names.length, records[0]?.length ?? 0);
  const keys = [...new Set(names.slice(0, width))];
  const rows = records.map((record) => {
    if (Math.min(names.length, record.length) !== width) refuseBody("All lines must have same number of fields");
    return Object.fromEntries(
      record.slice(0, width).map((field, n) => [names[n] ?? "", field === "NULL" ? null : field]),
    );
  });
  return { keys, rows };
}
