import { readField, type Field } from "./field.ts";
import { IS_VALUES, OPERATORS, type OperatorFacts } from "./operators.ts";
import type { Scanner } from "./scanner.ts";

export interface Filter {
  readonly kind: "filter";
  readonly field: Field;
  readonly isNegated: boolean;
  readonly operator: OperatorFacts;
  readonly quantifier: "any" | "all" | null;
  /** Configuration of a full-text search: `fts(english)`. */
  readonly language: string | null;
  /** Of `in` as many as were given; of `is` the SQL keyword; of any other one. */
  readonly values: readonly string[];
}

export type Condition = Omit<Filter, "kind" | "field">;

const EXPECTED = "operator (eq, gt, ...)";

function readOperator(scanner: Scanner, isNegated: boolean): OperatorFacts {
  const start = scanner.at;
  while (scanner.peek() >= "a" && scanner.peek() <= "z") scanner.at += 1;
  const operator = OPERATORS.get(scanner.text.slice(start, scanner.at));
  if (operator !== undefined) return operator;
  scanner.at = start;
  return isNegated ? scanner.fail(EXPECTED, "in") : scanner.fail(`"not" or ${EXPECTED}`, "not");
}

/** `(any)`, `(all)` or `(english)`, where the operator takes one. */
function readArgument(scanner: Scanner, operator: OperatorFacts): string | null {
  if (!scanner.sees("(")) return null;
  if (!operator.quantifiable && operator.kind !== "search") scanner.fail(EXPECTED);
  scanner.at += 1;
  const start = scanner.at;
  const word = scanner.readIdentifier(EXPECTED);
  if (operator.quantifiable && word !== "any" && word !== "all") {
    scanner.at = start;
    scanner.fail(EXPECTED, "any");
  }
  if (!scanner.take(")")) scanner.fail(EXPECTED);
  return word;
}

/** A quoted element ends at its quote only when a separator follows; anything else is taken as it stands (PostgREST's leniency). */
export function readElement(scanner: Scanner): string {
  if (scanner.sees('"')) {
    const start = scanner.at;
    const quoted = tryQuoted(scanner);
    if (quoted !== undefined && (scanner.isAtEnd || scanner.sees(",") || scanner.sees(")"))) return quoted;
    scanner.at = start;
  }
  return scanner.readUntil(",)");
}

function tryQuoted(scanner: Scanner): string | undefined {
  let read = "";
  scanner.at += 1;
  for (;;) {
    read += scanner.readUntil('"\\');
    if (scanner.take('"')) return read;
    if (!scanner.take("\\") || scanner.isAtEnd) return undefined;
    read += scanner.peek();
    scanner.at += 1;
  }
}

function readList(scanner: Scanner): string[] {
  scanner.skipSpace();
  scanner.expect("(");
  scanner.skipSpace();
  const values = [readElement(scanner)];
  while (scanner.take(",")) values.push(readElement(scanner));
  scanner.expect(")");
  scanner.skipSpace();
  return values.length === 1 && values[0] === "" ? [] : values;
}

function commonLength(one: string, other: string): number {
  let n = 0;
  while (n < one.length && one[n] === other[n]) n += 1;
  return n;
}

function readIs(scanner: Scanner, readSingle: (scanner: Scanner) => string): string {
  const start = scanner.at;
  const word = readSingle(scanner).toLowerCase();
  const keyword = IS_VALUES.get(word);
  if (keyword !== undefined) return keyword;
  scanner.at = start + Math.max(...Array.from(IS_VALUES.keys(), (value) => commonLength(value, word)));
  return scanner.fail("isVal: (null, not_null, true, false, unknown)");
}

/**
 * `not.like(any).{a*,b*}`: operator and value.
 * @param readSingle how a value ends: at the end of the text, or inside `and=(…)` at the next separator
 */
export function readCondition(scanner: Scanner, readSingle: (scanner: Scanner) => string): Condition {
  const isNegated = scanner.take("not.");
  const operator = readOperator(scanner, isNegated);
  const argument = readArgument(scanner, operator);
  if (!scanner.take(".")) scanner.fail(EXPECTED);
  const shape = {
    isNegated,
    operator,
    quantifier: operator.quantifiable ? (argument as "any" | "all" | null) : null,
    language: operator.quantifiable ? null : argument,
  };
  if (operator.kind === "list") return { ...shape, values: readList(scanner) };
  if (operator.kind === "is") return { ...shape, values: [readIs(scanner, readSingle)] };
  return { ...shape, values: [readSingle(scanner)] };
}

/** All that is left of the text. */
export function readRest(scanner: Scanner): string {
  const rest = scanner.text.slice(scanner.at);
  scanner.at = scanner.text.length;
  return rest;
}

/** `column.op.value`, as a member of a logic tree. */
export function readMember(scanner: Scanner, readSingle: (scanner: Scanner) => string): Filter {
  const field = readField(scanner);
  scanner.expect(".");
  return { kind: "filter", field, ...readCondition(scanner, readSingle) };
}
