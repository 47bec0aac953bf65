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

const AFTER_FIELD = 'letter, digit, "-", "->>", "->", delimiter (.), "," or end of input';

/** What may follow, by how much of the term was read. */
function failTerm(scanner: Scanner, direction: string | undefined, nulls: string | undefined): never {
  if (nulls !== undefined) return scanner.fail('"," or end of input');
  if (!scanner.take("."))
    return scanner.fail(direction === undefined ? AFTER_FIELD : 'delimiter (.), "," or end of input');
  if (direction !== undefined) return scanner.fail('"nullsfirst" or "nullslast"', "nullsfirst");
  return scanner.fail('"asc", "desc", "nullsfirst" or "nullslast"', "asc");
}

/** `customers(name)`: one column of an embed; more in the brackets are no term. */
function readRelated(scanner: Scanner): Field | undefined {
  const start = scanner.at;
  scanner.at += 1;
  const field = readField(scanner);
  if (scanner.take(")")) return field;
  scanner.at = start;
  return undefined;
}

function readTerm(scanner: Scanner): OrderTerm {
  let field = readField(scanner);
  let embed: string | null = null;
  const related = field.path.length === 0 && scanner.sees("(") ? readRelated(scanner) : undefined;
  if (related !== undefined) {
    embed = field.name;
    field = related;
  }
  const direction = takeWord(scanner, DIRECTIONS);
  const nulls = takeWord(scanner, NULLS);
  scanner.skipSpace();
  if (!scanner.isAtEnd && !scanner.sees(",")) failTerm(scanner, direction, nulls);
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
