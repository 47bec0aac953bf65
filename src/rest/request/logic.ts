import { RowhouseError } from "../../errors.ts";
import { readElement, readMember, type Filter } from "./filter.ts";
import { Scanner } from "./scanner.ts";

export interface LogicGroup {
  readonly kind: "and" | "or";
  readonly isNegated: boolean;
  readonly members: readonly Logic[];
}

export type Logic = Filter | LogicGroup;

const MAX_NESTING = 64;
const GROUP = /(not\.)?(and|or)[ \t]*\(/y;

/** Inside a tree an array's braces hold its commas together; quotes do as well. */
function readTreeValue(scanner: Scanner): string {
  if (!scanner.sees("{")) return readElement(scanner);
  const start = scanner.at;
  scanner.at += 1;
  scanner.readUntil("{}");
  if (scanner.take("}")) return scanner.text.slice(start, scanner.at);
  scanner.at = start;
  return scanner.readUntil(",)");
}

function readMembers(scanner: Scanner, depth: number): Logic[] {
  if (depth > MAX_NESTING) {
    throw new RowhouseError("limitExceeded", { message: "The logic tree is nested too deep" });
  }
  const members: Logic[] = [];
  scanner.skipSpace();
  scanner.expect("(");
  do {
    scanner.skipSpace();
    members.push(readTree(scanner, depth));
    scanner.skipSpace();
  } while (scanner.take(","));
  scanner.expect(")");
  scanner.skipSpace();
  return members;
}

const OPERATOR = /(?:not\.)?(?:and|or)/y;
const MEMBER = "field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)";

/** Blames what was nearest to being read: a group, or else a filter. */
function failMember(scanner: Scanner, start: number, cause: unknown): never {
  OPERATOR.lastIndex = start;
  const word = OPERATOR.exec(scanner.text)?.[0];
  if (word !== undefined) {
    scanner.at = start + word.length;
    return scanner.fail('"("');
  }
  if (scanner.text.startsWith("not.", start)) {
    scanner.at = start + 4;
    return scanner.fail("logic operator (and, or)");
  }
  if (scanner.at === start) return scanner.fail(MEMBER);
  throw cause;
}

function readFilter(scanner: Scanner): Filter {
  const start = scanner.at;
  try {
    return readMember(scanner, readTreeValue);
  } catch (error) {
    return failMember(scanner, start, error);
  }
}

function readTree(scanner: Scanner, depth: number): Logic {
  GROUP.lastIndex = scanner.at;
  const found = GROUP.exec(scanner.text);
  if (found === null) return readFilter(scanner);
  scanner.at += found[0].length - 1;
  const members = readMembers(scanner, depth + 1);
  return { kind: found[2] as "and" | "or", isNegated: found[1] !== undefined, members };
}

/**
 * The value of `and=`, `or=`, `not.and=` or `not.or=`. What comes after the last bracket is not looked at, as PostgREST does not.
 * @param kind from the parameter's name, as is `isNegated`
 * @throws RowhouseError requestMalformed, limitExceeded
 */
export function parseLogic(text: string, kind: "and" | "or", isNegated: boolean): LogicGroup {
  const scanner = new Scanner(text, "logic tree", kind.length + (isNegated ? 4 : 0));
  return { kind, isNegated, members: readMembers(scanner, 0) };
}
