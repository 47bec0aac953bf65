import { readField, readNames } from "./field.ts";
import { readCondition, readRest } from "./filter.ts";
import { parseLogic, type Logic } from "./logic.ts";
import { parseOrder, type OrderTerm } from "./order.ts";
import { splitQuery } from "./query-string.ts";
import { ALL_ROWS, withCount, type RowRange } from "./range.ts";
import { Scanner } from "./scanner.ts";
import { ALL_COLUMNS, parseSelect, type SelectItem } from "./select.ts";

/** Something said about an embed, by the names that lead to it; about the root when there are none. */
export interface Placed<T> {
  readonly path: readonly string[];
  readonly value: T;
}

/** The query string as values. Nothing in it is known to exist. */
export interface QueryParts {
  readonly select: readonly SelectItem[];
  readonly filters: readonly Placed<Logic>[];
  readonly orders: readonly Placed<readonly OrderTerm[]>[];
  /** By path, joined with dots; the root's is `""`. */
  readonly ranges: ReadonlyMap<string, Placed<RowRange>>;
  readonly columns: readonly string[] | null;
  readonly onConflict: readonly string[] | null;
  /** Which rows of a table with soft delete; null when nothing is said. */
  readonly deleted: "include" | "only" | null;
  /** Opaque, and empty for the first page; null for a request that is not paged so. */
  readonly cursor: string | null;
}

interface Collected {
  select: readonly SelectItem[] | undefined;
  filters: Placed<Logic>[];
  orders: Placed<readonly OrderTerm[]>[];
  ranges: Map<string, Placed<RowRange>>;
  columns: readonly string[] | null;
  onConflict: readonly string[] | null;
  deleted: "include" | "only" | null;
  cursor: string | null;
}

/** Base64url, or nothing. A filter on a column of that name has a dot. */
const CURSOR = /^[\w-]*$/;

/** The names before the last one: `items.product` of `items.product.limit`. */
function readEmbedPath(key: string): string[] {
  const scanner = new Scanner(key, "tree path");
  const names: string[] = [];
  do names.push(scanner.readName());
  while (scanner.take("."));
  if (!scanner.isAtEnd) scanner.fail('"." or end of input');
  return names.slice(0, -1);
}

/**
 * What comes after the column in a key is not looked at, as PostgREST does not: clients that write several filters on one column as
 * `name[0]=…&name[1]=…` (ra-data-postgrest, a search of several words) depend on it.
 */
function collectFilter(parts: Collected, key: string, value: string): void {
  const keyScanner = new Scanner(key, "tree path");
  const path: string[] = [];
  let field = readField(keyScanner);
  while (field.path.length === 0 && keyScanner.take(".")) {
    path.push(field.name);
    field = readField(keyScanner);
  }
  const scanner = new Scanner(value, "filter");
  // A list ends at its bracket, and what comes after it is not looked at, as PostgREST does not.
  const condition = readCondition(scanner, readRest);
  parts.filters.push({ path, value: { kind: "filter", field, ...condition } });
}

function collectLogic(parts: Collected, key: string, kind: "and" | "or", value: string): void {
  const path = readEmbedPath(key);
  const isNegated = path.includes("not");
  parts.filters.push({ path: path.filter((name) => name !== "not"), value: parseLogic(value, kind, isNegated) });
}

function collectRange(parts: Collected, key: string, name: "limit" | "offset", value: string): void {
  const path = key === name ? [] : readEmbedPath(key);
  const place = path.join(".");
  const before = parts.ranges.get(place)?.value ?? ALL_ROWS;
  parts.ranges.set(place, { path, value: withCount(before, name, value) });
}

/** Parameters that mean something else than a filter, by their name or, for an embed's, its last part. */
function collect(parts: Collected, key: string, value: string): void {
  const word = key.slice(key.lastIndexOf(".") + 1);
  switch (word) {
    case "and":
    case "or":
      return collectLogic(parts, key, word, value);
    case "limit":
    case "offset":
      return collectRange(parts, key, word, value);
    case "order":
      parts.orders.push({ path: key === word ? [] : readEmbedPath(key), value: parseOrder(value) });
      return;
  }
  // A filter has a dot, and so a column may have either name.
  if (key === "deleted" && (value === "include" || value === "only")) {
    parts.deleted ??= value;
    return;
  }
  if (key === "cursor" && CURSOR.test(value)) {
    parts.cursor ??= value;
    return;
  }
  switch (key) {
    case "select":
      parts.select ??= parseSelect(value);
      return;
    case "columns":
      parts.columns ??= [...new Set(readNames(new Scanner(value, "columns parameter")))];
      return;
    case "on_conflict":
      parts.onConflict ??= readNames(new Scanner(value, "on_conflict parameter"));
      return;
    default:
      return collectFilter(parts, key, value);
  }
}

/**
 * @param params of a query string, decoded
 * @throws RowhouseError requestMalformed, rangeUnsatisfiable, limitExceeded
 */
export function parseParams(params: readonly (readonly [name: string, value: string])[]): QueryParts {
  const parts: Collected = {
    select: undefined,
    filters: [],
    orders: [],
    ranges: new Map(),
    columns: null,
    onConflict: null,
    deleted: null,
    cursor: null,
  };
  for (const [key, value] of params) collect(parts, key, value);
  return { ...parts, select: parts.select ?? ALL_COLUMNS };
}

/**
 * @param query raw, without the question mark
 * @throws RowhouseError as {@link parseParams}
 */
export function parseQuery(query: string): QueryParts {
  return parseParams(splitQuery(query));
}
