import { RowhouseError } from "../../errors.ts";

const LETTER = /^[\p{L}\p{N}]$/u;

/** Letters, digits, `_`, space and `$`: what a name may hold without quotes (PostgREST's grammar). */
function isNameCode(code: number): boolean {
  if (code >= 97 && code <= 122) return true;
  if ((code >= 48 && code <= 57) || (code >= 65 && code <= 90)) return true;
  return code === 95 || code === 32 || code === 36;
}

/** A text and a place in it: all that the parsers of this folder share. Each of them reads on from where the last one stopped. */
export class Scanner {
  readonly text: string;
  /** What is parsed, for messages: `select parameter`. */
  readonly what: string;
  /** Columns that PostgREST counts before the text: it reads `or=(…)` as `or(…)`. */
  readonly before: number;
  at = 0;

  constructor(text: string, what: string, before = 0) {
    this.text = text;
    this.what = what;
    this.before = before;
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** The next character, or `""` at the end. */
  peek(): string {
    return this.text.charAt(this.at);
  }

  /** Whether `token` comes next; does not move. */
  sees(token: string): boolean {
    return this.text.startsWith(token, this.at);
  }

  /** Moves past `token` when it comes next. */
  take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) this.fail(`"${token}"`);
  }

  skipSpace(): void {
    while (this.peek() === " " || this.peek() === "\t") this.at += 1;
  }

  /** Everything up to, and without, the first of `stops`. */
  readUntil(stops: string): string {
    const start = this.at;
    while (!this.isAtEnd && !stops.includes(this.peek())) this.at += 1;
    return this.text.slice(start, this.at);
  }

  /** A quoted text, with `\` before a character that stands for itself; the opening quote comes next. */
  readQuoted(): string {
    let read = "";
    this.expect('"');
    for (;;) {
      const run = this.readUntil('"\\');
      read += run;
      if (this.take('"')) return read;
      if (!this.take("\\") || this.isAtEnd) this.fail('closing "');
      read += this.peek();
      this.at += 1;
    }
  }

  /** A name of a column, relation or alias: quoted, or of letters, digits, `_`, `$`, spaces within, and dashes between. */
  readName(): string {
    if (this.peek() === '"') return this.readQuoted();
    const start = this.at;
    while (!this.isAtEnd && this.#isNameHere(start)) this.at += 1;
    const name = this.text.slice(start, this.at).trim();
    if (name === "") this.fail("field name (* or [a..z0..9_$])");
    return name;
  }

  /** Letters, digits, `_`, `$` and spaces, trimmed: a type's name or a language. `expecting` says so where there is none. */
  readIdentifier(expecting: string): string {
    const start = this.at;
    while (!this.isAtEnd && this.peek() !== "-" && this.#isNameHere(start)) this.at += 1;
    if (this.at === start) this.fail(expecting);
    return this.text.slice(start, this.at).trim();
  }

  #isNameHere(start: number): boolean {
    const code = this.text.charCodeAt(this.at);
    if (isNameCode(code)) return true;
    if (code === 45) return this.at > start && this.text.charCodeAt(this.at + 1) !== 62; // "-", but not "->"
    if (code < 128) return false;
    const point = this.text.codePointAt(this.at) ?? 0;
    if (point > 0xffff && LETTER.test(String.fromCodePoint(point))) this.at += 1;
    else if (!LETTER.test(String.fromCodePoint(point))) return false;
    return true;
  }

  /**
   * @param expecting what might have come here
   * @param near one of those: the character that is blamed is the first that is not its own, as PostgREST's parser does it
   * @throws RowhouseError requestMalformed, in the words of that parser: place, what is there, what should be
   */
  fail(expecting: string, near = ""): never {
    let blamed = this.at;
    while (near !== "" && blamed < this.text.length && this.text[blamed] === near[blamed - this.at]) blamed += 1;
    const point = this.text.codePointAt(blamed);
    const found = point === undefined ? "end of input" : show(point, expecting.includes("end of input"));
    throw new RowhouseError("requestMalformed", {
      message: `"failed to parse ${this.what} (${this.text})" (line 1, column ${this.before + this.at + 1})`,
      details: `unexpected ${found} expecting ${expecting}`,
    });
  }
}

/** A character as Haskell shows it: by itself where the text might have ended, as a string where a word was wanted. */
function show(point: number, isSingle: boolean): string {
  const quote = isSingle ? "'" : '"';
  const character = String.fromCodePoint(point);
  const shown = point < 32 || point > 126 ? `\\${point}` : character;
  return `${quote}${character === quote || character === "\\" ? `\\${character}` : shown}${quote}`;
}
