import { RowhouseError } from "../../errors.ts";
import { parseBody, type Payload } from "./body.ts";
import { readField, readNames } from "./field.ts";
import { readCondition, readRest } from "./filter.ts";
import { parseLogic, type Logic } from "./logic.ts";
import { negotiateMedia, type Media } from "./media.ts";
import { parseOrder, type OrderTerm } from "./order.ts";
import { parsePreferences, type Preferences } from "./preferences.ts";
import { splitQuery } from "./query-string.ts";
import { ALL_ROWS, withCount, withHeader, type RowRange } from "./range.ts";
import { Scanner } from "./scanner.ts";
import { ALL_COLUMNS, parseSelect, type SelectItem } from "./select.ts";

/** What comes in over HTTP, without HTTP's objects. */
export interface RestRequest {
  readonly method: string;
  /** Decoded segments after the API's base path. */
  readonly path: readonly string[];
  /** Raw, without the question mark. */
  readonly query: string;
  /** Lower-case names; several of one name joined by comma. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer | null;
}

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
}

export type Verb = "read" | "insert" | "update" | "delete";

/** A request that was understood: the first value of the pipeline. */
export interface ApiRequest {
  readonly verb: Verb;
  readonly relation: string;
  readonly wantsBody: boolean;
  readonly query: QueryParts;
  /** Of the root: `limit`, `offset` and the Range header together. */
  readonly range: RowRange;
  readonly preferences: Preferences;
  readonly media: Media;
  readonly payload: Payload | null;
}

const VERBS: ReadonlyMap<string, Verb> = new Map([
  ["GET", "read"],
  ["HEAD", "read"],
  ["POST", "insert"],
  ["PATCH", "update"],
  ["DELETE", "delete"],
]);

interface Collected {
  select: readonly SelectItem[] | undefined;
  filters: Placed<Logic>[];
  orders: Placed<readonly OrderTerm[]>[];
  ranges: Map<string, Placed<RowRange>>;
  columns: readonly string[] | null;
  onConflict: readonly string[] | null;
}

/** The names before the last one: `items.product` of `items.product.limit`. */
function readEmbedPath(key: string): string[] {
  const scanner = new Scanner(key, "tree path");
  const names: string[] = [];
  do names.push(scanner.readName());
  while (scanner.take("."));
  if (!scanner.isAtEnd) scanner.fail('"." or end of input');
  return names.slice(0, -1);
}

function collectFilter(parts: Collected, key: string, value: string): void {
  const keyScanner = new Scanner(key, "tree path");
  const path: string[] = [];
  let field = readField(keyScanner);
  while (field.path.length === 0 && keyScanner.take(".")) {
    path.push(field.name);
    field = readField(keyScanner);
  }
  if (!keyScanner.isAtEnd) keyScanner.fail('"->>", "->", "." or end of input');
  const scanner = new Scanner(value, "filter");
  const condition = readCondition(scanner, readRest);
  if (!scanner.isAtEnd) scanner.fail("end of input");
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
      if (value !== "") parts.orders.push({ path: key === word ? [] : readEmbedPath(key), value: parseOrder(value) });
      return;
  }
  switch (key) {
    case "select":
      parts.select ??= parseSelect(value);
      return;
    case "columns":
      if (value !== "") parts.columns ??= [...new Set(readNames(new Scanner(value, "columns parameter")))];
      return;
    case "on_conflict":
      if (value !== "") parts.onConflict ??= readNames(new Scanner(value, "on_conflict parameter"));
      return;
    default:
      return collectFilter(parts, key, value);
  }
}

/**
 * @param query raw, without the question mark
 * @throws RowhouseError requestMalformed, rangeUnsatisfiable, limitExceeded, featureUnsupported, aggregatesOff
 */
export function parseQuery(query: string): QueryParts {
  const parts: Collected = {
    select: undefined,
    filters: [],
    orders: [],
    ranges: new Map(),
    columns: null,
    onConflict: null,
  };
  for (const [key, value] of splitQuery(query)) collect(parts, key, value);
  return { ...parts, select: parts.select ?? ALL_COLUMNS };
}

/**
 * Bytes to request. Knows the dialect's grammar and nothing of the tables.
 * @param relation name in the path
 * @param maxInsertRows rows that one body may have
 * @throws RowhouseError of every kind that `src/rest/request` raises; restMethodUnsupported
 */
export function parseRequest(request: RestRequest, relation: string, maxInsertRows: number): ApiRequest {
  const { method, headers } = request;
  const verb = VERBS.get(method);
  if (verb === undefined) {
    if (method === "PUT")
      throw new RowhouseError("featureUnsupported", {
        message: "PUT is not supported yet",
        hint: "POST with Prefer: resolution=merge-duplicates does the same.",
      });
    throw new RowhouseError("restMethodUnsupported", { message: `Unsupported HTTP method: ${method}` });
  }
  const query = parseQuery(request.query);
  const hasBody = verb === "insert" || verb === "update";
  return {
    verb,
    relation,
    wantsBody: method !== "HEAD",
    query,
    range: withHeader(query.ranges.get("")?.value ?? ALL_ROWS, method === "GET" ? headers["range"] : undefined),
    preferences: parsePreferences(headers["prefer"]),
    media: negotiateMedia(headers["accept"]),
    payload: hasBody ? parseBody(request.body, headers["content-type"], query.columns, maxInsertRows) : null,
  };
}
