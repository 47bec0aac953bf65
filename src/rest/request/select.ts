import { RowhouseError } from "../../errors.ts";
import { readPath, type Field } from "./field.ts";
import { Scanner } from "./scanner.ts";

export interface ColumnItem {
  readonly kind: "column";
  readonly field: Field;
  readonly cast: string | null;
  readonly alias: string | null;
}

export interface EmbedItem {
  readonly kind: "embed";
  readonly relation: string;
  readonly alias: string | null;
  readonly hint: string | null;
  readonly isInner: boolean;
  readonly items: readonly SelectItem[];
}

export type SelectItem = { readonly kind: "star" } | ColumnItem | EmbedItem;

const STAR: SelectItem = { kind: "star" };
export const ALL_COLUMNS: readonly SelectItem[] = [STAR];

/** Far beyond any limit of the resolver; only keeps a parser from running out of stack. */
const MAX_NESTING = 64;

function readAlias(scanner: Scanner): { alias: string | null; name: string } {
  const name = scanner.readName();
  if (scanner.peek() !== ":" || scanner.sees("::")) return { alias: null, name };
  scanner.at += 1;
  scanner.skipSpace();
  if (scanner.sees("...")) failSpread();
  return { alias: name, name: scanner.readName() };
}

function failSpread(): never {
  throw new RowhouseError("featureUnsupported", {
    message: "Spread embeds (...relation) are not supported yet",
    hint: "Embed without the dots: relation(column).",
  });
}

function failAggregate(): never {
  throw new RowhouseError("aggregatesOff");
}

function readEmbed(scanner: Scanner, alias: string | null, relation: string, depth: number): EmbedItem {
  let hint: string | null = null;
  let isInner = false;
  for (let n = 0; n < 2 && scanner.take("!"); n += 1) {
    const param = scanner.readName();
    if (param === "inner") isInner = true;
    else if (param !== "left") hint ??= param;
  }
  scanner.expect("(");
  const items = readItems(scanner, depth + 1);
  scanner.expect(")");
  scanner.skipSpace();
  return { kind: "embed", relation, alias, hint, isInner, items };
}

function readCast(scanner: Scanner): string | null {
  if (!scanner.take("::")) return null;
  const start = scanner.at;
  scanner.readUntil(",).:");
  return scanner.text.slice(start, scanner.at).trim().toLowerCase();
}

function readColumn(scanner: Scanner, alias: string | null, name: string): ColumnItem {
  const field = { name, path: readPath(scanner) };
  scanner.skipSpace();
  const cast = readCast(scanner);
  if (scanner.sees(".")) failAggregate();
  return { kind: "column", field, cast, alias };
}

function readItem(scanner: Scanner, depth: number): SelectItem {
  scanner.skipSpace();
  if (scanner.sees("...")) failSpread();
  if (scanner.take("*")) {
    scanner.skipSpace();
    return STAR;
  }
  const { alias, name } = readAlias(scanner);
  if (scanner.sees("(") && name === "count") failAggregate();
  if (scanner.sees("!") || scanner.sees("(")) return readEmbed(scanner, alias, name, depth);
  return readColumn(scanner, alias, name);
}

function readItems(scanner: Scanner, depth: number): SelectItem[] {
  if (depth > MAX_NESTING) {
    throw new RowhouseError("limitExceeded", { message: "The select parameter is nested too deep" });
  }
  scanner.skipSpace();
  const items: SelectItem[] = [];
  if (scanner.isAtEnd || scanner.sees(")")) return items;
  do {
    items.push(readItem(scanner, depth));
    if (!scanner.isAtEnd && !scanner.sees(",") && !scanner.sees(")"))
      scanner.fail('"->>", "->", "::", ")", "," or end of input');
  } while (scanner.take(","));
  return items;
}

/**
 * `select=`: columns, casts, JSON paths, embeds of embeds.
 * @throws RowhouseError requestMalformed; aggregatesOff; featureUnsupported for spreads
 */
export function parseSelect(text: string): readonly SelectItem[] {
  if (text === "*") return ALL_COLUMNS;
  const scanner = new Scanner(text, "select parameter");
  const items = readItems(scanner, 0);
  if (!scanner.isAtEnd) scanner.fail('"," or end of input');
  return items;
}
