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

function readTree(scanner: Scanner, depth: number): Logic {
  GROUP.lastIndex = scanner.at;
  const found = GROUP.exec(scanner.text);
  if (found === null) return readMember(scanner, readTreeValue);
  scanner.at += found[0].length - 1;
  const members = readMembers(scanner, depth + 1);
  return { kind: found[2] as "and" | "or", isNegated: found[1] !== undefined, members };
}

/**
 * The value of `and=`, `or=`, `not.and=` or `not.or=`.
 * @param kind from the parameter's name, as is `isNegated`
 * @throws RowhouseError requestMalformed, limitExceeded
 */
export function parseLogic(text: string, kind: "and" | "or", isNegated: boolean): LogicGroup {
  const scanner = new Scanner(text, "logic tree");
  const members = readMembers(scanner, 0);
  if (!scanner.isAtEnd) scanner.fail("end of input");
  return { kind, isNegated, members };
}
