import { readField, type Field } from "./field.ts";
import { Scanner } from "./scanner.ts";

export interface OrderTerm {
  readonly field: Field;
  /** The to-one embed whose column it is: `order=customers(name)`. */
  readonly embed: string | null;
  readonly isDescending: boolean;
  readonly nulls: "first" | "last" | null;
}

const DIRECTIONS = ["asc", "desc"] as const;
const NULLS = ["nullsfirst", "nullslast"] as const;

function takeWord(scanner: Scanner, words: readonly string[]): string | undefined {
  const word = words.find((candidate) => scanner.sees(`.${candidate}`));
  if (word !== undefined) scanner.at += word.length + 1;
  return word;
}

function readTerm(scanner: Scanner): OrderTerm {
  let field = readField(scanner);
  let embed: string | null = null;
  if (field.path.length === 0 && scanner.take("(")) {
    embed = field.name;
    field = readField(scanner);
    scanner.expect(")");
  }
  const direction = takeWord(scanner, DIRECTIONS);
  const nulls = takeWord(scanner, NULLS);
  scanner.skipSpace();
  if (!scanner.isAtEnd && !scanner.sees(",")) {
    const isDotted = scanner.take(".");
    scanner.fail(
      isDotted && direction === undefined ? '"asc", "desc", "nullsfirst" or "nullslast"' : '"," or end of input',
    );
  }
  return { field, embed, isDescending: direction === "desc", nulls: nullsOf(nulls) };
}

function nullsOf(word: string | undefined): "first" | "last" | null {
  if (word === undefined) return null;
  return word === "nullsfirst" ? "first" : "last";
}

/**
 * `order=a.desc.nullslast,settings->>b`.
 * @throws RowhouseError requestMalformed
 */
export function parseOrder(text: string): OrderTerm[] {
  const scanner = new Scanner(text, "order");
  const terms: OrderTerm[] = [];
  do terms.push(readTerm(scanner));
  while (scanner.take(","));
  return terms;
}
