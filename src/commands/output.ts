import { styleText } from "node:util";
import { mayColor } from "../config.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** False with --no-color. */
  readonly color?: boolean;
}

type Style = Parameters<typeof styleText>[0];

/** Where a command's words go: answers to stdout, talk to stderr (clig.dev, "The Basics"). */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** The answer: `text` for people, with --json the value as one line of JSON. Once per command. */
  answer(value: unknown, text: string): void;
  /** With --json one line of NDJSON on stdout before the answer; nothing otherwise. */
  event(value: unknown): void;
  /** On stderr; --quiet drops it. */
  talk(text: string): void;
  /** On stderr, --quiet or not. */
  warn(text: string): void;
  /** Styles text for stdout. */
  paint(style: Style, text: string): string;
}

const colorOf = (stream: { isTTY?: boolean }, allowed: boolean) => {
  const on = allowed && mayColor(stream);
  // validateStream would ask the terminal again, and stdout's for stderr's text.
  return (style: Style, text: string) => (on ? styleText(style, text, { validateStream: false }) : text);
};

const endLine = (text: string) => (text.endsWith("\n") ? text : `${text}\n`);

/** Styles text for stderr, when it may be coloured. */
export function errorPaint(color: boolean | undefined): Output["paint"] {
  return colorOf(process.stderr, color !== false);
}

/** Where a command writes, as its global options want it: answers on stdout, all else on stderr. */
export function openOutput({ json = false, quiet = false, color = true }: GlobalOptions): Output {
  const paintError = errorPaint(color);
  const put = (text: string) => {
    if (text !== "") process.stdout.write(endLine(text));
  };
  return {
    json,
    quiet,
    answer: (value, text) => put(json ? JSON.stringify(value) : text),
    event: (value) => {
      if (json) put(JSON.stringify(value));
    },
    talk: (text) => {
      if (!quiet) process.stderr.write(endLine(text));
    },
    warn: (text) => void process.stderr.write(endLine(`${paintError("yellow", "warning:")} ${text}`)),
    paint: colorOf(process.stdout, color),
  };
}

/** Control characters, of names that somebody else gave, as escapes: they could drive the terminal (CWE-150). Pure. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Rows under a heading, columns aligned by two spaces, no lines; numbers to the right. Pure. */
export function formatTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [headings, ...rows].map((row) =>
    row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : printable(cell))),
  );
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = headings.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return cells.map(line).join("\n");
}

/** `name  value` lines, values aligned. Pure. */
export function formatFacts(facts: readonly (readonly [name: string, value: string | number])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${printable(String(value))}`).join("\n");
}

/** `1 row`, `2 rows`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
