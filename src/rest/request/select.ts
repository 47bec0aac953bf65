import { RowhouseError } from "../../errors.ts";
import { readPath, type Field } from "./field.ts";
import { Scanner } from "./scanner.ts";

/** `sum()`, `sum()::text`: what is made of a column's values. */
export interface AggregateItem {
  readonly name: AggregateName;
  /** Type that its result is cast to. */
  readonly cast: string | null;
}

export type AggregateName = (typeof AGGREGATES)[number];

export interface ColumnItem {
  readonly kind: "column";
  /** `*` with an aggregate: `count()` of whole rows. */
  readonly field: Field;
  readonly cast: string | null;
  readonly aggregate: AggregateItem | null;
  readonly alias: string | null;
}

export interface EmbedItem {
  readonly kind: "embed";
  readonly relation: string;
  readonly alias: string | null;
  readonly hint: string | null;
  readonly isInner: boolean;
  /** `...relation(…)`: its columns become columns of the level above. */
  readonly isSpread: boolean;
  readonly items: readonly SelectItem[];
}

export type SelectItem = { readonly kind: "star" } | ColumnItem | EmbedItem;

const STAR: SelectItem = { kind: "star" };
export const ALL_COLUMNS: readonly SelectItem[] = [STAR];

const AGGREGATES = ["sum", "avg", "count", "max", "min"] as const;
const WHOLE_ROW: Field = { name: "*", path: [] };
/** What may follow a name, and a column that has more than its name. */
const AFTER_NAME = 'letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input';
const AFTER_COLUMN = '"->>", "->", "::", ".", ")", "," or end of input';

/** Far beyond any limit of the resolver; only keeps a parser from running out of stack. */
const MAX_NESTING = 64;

function readAlias(scanner: Scanner): { alias: string | null; name: string } {
  const name = scanner.readName();
  if (scanner.peek() !== ":" || scanner.sees("::")) return { alias: null, name };
  scanner.at += 1;
  scanner.skipSpace();
  return { alias: name, name: scanner.readName() };
}

/** `!hint`, `!inner` and `!left`, of which the first of each counts. */
function readParams(scanner: Scanner): { hint: string | null; isInner: boolean } {
  let hint: string | null = null;
  let join: string | undefined;
  for (let n = 0; n < 2 && scanner.take("!"); n += 1) {
    const param = scanner.readName();
    if (param === "inner" || param === "left") join ??= param;
    else hint ??= param;
  }
  return { hint, isInner: join === "inner" };
}

function readEmbed(
  scanner: Scanner,
  { alias, relation, isSpread }: Pick<EmbedItem, "alias" | "relation" | "isSpread">,
  depth: number,
): EmbedItem {
  const start = scanner.at;
  const params = readParams(scanner);
  if (!scanner.sees("(")) {
    scanner.at = start;
    scanner.fail(AFTER_NAME);
  }
  scanner.at += 1;
  const items = readItems(scanner, depth + 1);
  scanner.expect(")");
  scanner.skipSpace();
  return { kind: "embed", relation, alias, isSpread, ...params, items };
}

function readCast(scanner: Scanner): string | null {
  return scanner.take("::") ? scanner.readIdentifier("letter or digit").toLowerCase() : null;
}

function readAggregate(scanner: Scanner): AggregateItem | null {
  const name = AGGREGATES.find((each) => scanner.take(`.${each}()`));
  return name === undefined ? null : { name, cast: readCast(scanner) };
}

function readColumn(scanner: Scanner, alias: string | null, name: string): ColumnItem {
  const field = { name, path: readPath(scanner) };
  scanner.skipSpace();
  const cast = readCast(scanner);
  const aggregate = readAggregate(scanner);
  scanner.skipSpace();
  if (!isItemEnd(scanner)) {
    const isName = field.path.length === 0 && cast === null && aggregate === null;
    scanner.fail(isName ? AFTER_NAME : AFTER_COLUMN);
  }
  return { kind: "column", field, cast, aggregate, alias };
}

function isItemEnd(scanner: Scanner): boolean {
  return scanner.isAtEnd || scanner.sees(",") || scanner.sees(")");
}

function readCount(scanner: Scanner, alias: string | null): ColumnItem {
  scanner.expect("()");
  const aggregate = { name: "count", cast: readCast(scanner) } as const;
  scanner.skipSpace();
  return { kind: "column", field: WHOLE_ROW, cast: null, aggregate, alias };
}

function readItem(scanner: Scanner, depth: number): SelectItem {
  scanner.skipSpace();
  if (scanner.take("...")) {
    const relation = scanner.readName();
    if (!scanner.sees("!") && !scanner.sees("(")) scanner.fail('"("');
    return readEmbed(scanner, { alias: null, relation, isSpread: true }, depth);
  }
  if (scanner.take("*")) {
    scanner.skipSpace();
    if (!isItemEnd(scanner)) scanner.fail('")", "," or end of input');
    return STAR;
  }
  const { alias, name } = readAlias(scanner);
  if (scanner.sees("(") && name === "count") return readCount(scanner, alias);
  if (scanner.sees("!") || scanner.sees("("))
    return readEmbed(scanner, { alias, relation: name, isSpread: false }, depth);
  return readColumn(scanner, alias, name);
}

function readItems(scanner: Scanner, depth: number): SelectItem[] {
  if (depth > MAX_NESTING) {
    throw new RowhouseError("limitExceeded", { message: "The select parameter is nested too deep" });
  }
  scanner.skipSpace();
  const items: SelectItem[] = [];
  if (scanner.isAtEnd || scanner.sees(")")) return items;
  do items.push(readItem(scanner, depth));
  while (scanner.take(","));
  return items;
}

/**
 * `select=`: columns, casts, JSON paths, aggregates, embeds of embeds, spreads. An empty one is all columns; what comes after the bracket
 * that ends the last embed is not looked at, as PostgREST does not.
 * @throws RowhouseError requestMalformed, limitExceeded
 */
export function parseSelect(text: string): readonly SelectItem[] {
  if (text === "*") return ALL_COLUMNS;
  const scanner = new Scanner(text, "select parameter");
  const items = readItems(scanner, 0);
  return items.length === 0 ? ALL_COLUMNS : items;
}
