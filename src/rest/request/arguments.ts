import { RowhouseError } from "../../errors.ts";
import { mediaTypeOf } from "./body.ts";
import { parseCsv } from "./csv-body.ts";
import { readField } from "./field.ts";
import { decodeBody, haveSameKeys, isObject, parseJson, refuseBody } from "./json-body.ts";
import { OPERATORS } from "./operators.ts";
import { Scanner } from "./scanner.ts";

/** What a function is called with. */
export type CallArguments =
  /** By name, each with all the values that were given for it, as text. */
  | { readonly kind: "values"; readonly values: ReadonlyMap<string, readonly string[]> }
  /** By the keys of a JSON object, or of the first one in a list; also the one unnamed argument, whole. */
  | { readonly kind: "json"; readonly text: string; readonly keys: readonly string[]; readonly isList: boolean }
  /** The one unnamed argument. */
  | { readonly kind: "raw"; readonly body: Buffer };

type Param = readonly [name: string, value: string];

/** What follows an operator's word: `(any)`, `(english)` or nothing, and a dot (PostgREST's grammar). */
const OPERATOR = /^([a-z]+)(?:\(([\p{L}\p{N}_ $]+)\))?\./u;

/** Whether a value is a filter: with an operator it is, and then it has to be a good one. */
function isFilter(value: string): boolean {
  if (value.startsWith("not.")) return true;
  const [, word = "", argument] = OPERATOR.exec(value) ?? [];
  const operator = OPERATORS.get(word);
  if (operator === undefined || argument === undefined) return operator !== undefined;
  return operator.quantifiable ? argument === "any" || argument === "all" : operator.kind === "search";
}

const RESERVED: ReadonlySet<string> = new Set(["select", "columns", "on_conflict"]);
const RESERVED_ENDS: ReadonlySet<string> = new Set(["order", "limit", "offset", "and", "or"]);

function isReserved(key: string): boolean {
  return RESERVED.has(key) || RESERVED_ENDS.has(key.slice(key.lastIndexOf(".") + 1));
}

/** @throws RowhouseError requestMalformed */
function argumentName(key: string): string {
  const scanner = new Scanner(key, "tree path");
  let field = readField(scanner);
  while (field.path.length === 0 && scanner.take(".")) field = readField(scanner);
  if (!scanner.isAtEnd) scanner.fail('"->>", "->", "." or end of input');
  return field.name;
}

function byName(params: readonly Param[]): CallArguments {
  const values = new Map<string, string[]>();
  for (const [name, value] of params) {
    const given = values.get(name);
    if (given === undefined) values.set(name, [value]);
    else given.push(value);
  }
  return { kind: "values", values };
}

/**
 * Takes the arguments out of a query string: parameters that are not reserved and whose value has no operator.
 * @returns the arguments, and the parameters that say what is wanted of the result
 * @throws RowhouseError requestMalformed
 */
export function splitArguments(params: readonly Param[]): { given: CallArguments; rest: readonly Param[] } {
  const isArgument = ([key, value]: Param) => !isReserved(key) && !isFilter(value);
  const given = params.filter(isArgument).map(([key, value]) => [argumentName(key), value] as const);
  return { given: byName(given), rest: params.filter((param) => !isArgument(param)) };
}

function readJson(body: Buffer, columns: readonly string[] | null): CallArguments {
  if (body.length === 0 && columns === null) return { kind: "json", text: "", keys: [], isList: false };
  const { text, value } = parseJson(body);
  const isList = Array.isArray(value);
  if (columns !== null) return { kind: "json", text, keys: columns, isList };
  // PostgREST takes a bare number or string for an empty list.
  if (!isList && !isObject(value)) return { kind: "json", text: "[]", keys: [], isList: true };
  const rows: unknown[] = isList ? value : [value];
  const keys = Object.keys(rows[0] ?? {});
  if (!rows.every(isObject) || !haveSameKeys(rows, keys)) refuseBody("All object keys must match");
  return { kind: "json", text, keys, isList };
}

function readCsv(body: Buffer): CallArguments {
  const { keys, rows } = parseCsv(decodeBody(body, "Empty or invalid csv"));
  return { kind: "json", text: JSON.stringify(rows), keys, isList: true };
}

/** Media types whose body is the one unnamed argument, as it stands. */
export const RAW_TYPES: ReadonlyMap<string, string> = new Map([
  ["text/plain", "text"],
  ["text/xml", "xml"],
  ["application/octet-stream", "bytea"],
]);

/**
 * @param columns of the `columns` parameter: the keys of a JSON body that count
 * @throws RowhouseError bodyInvalid
 */
export function parseArguments(
  body: Buffer | null,
  contentType: string | undefined,
  columns: readonly string[] | null,
): CallArguments {
  const type = mediaTypeOf(contentType);
  const bytes = body ?? Buffer.alloc(0);
  if (type === "application/json") return readJson(bytes, columns);
  if (type === "text/csv") return readCsv(bytes);
  if (type === "application/x-www-form-urlencoded") {
    return byName([...new URLSearchParams(decodeBody(bytes, "Empty or invalid form"))]);
  }
  if (RAW_TYPES.has(type)) return { kind: "raw", body: bytes };
  throw new RowhouseError("bodyInvalid", { message: `Content-Type not acceptable: ${type}` });
}

/** Names that a function has to have parameters for; sorted, as refusals list them. */
export function argumentNames(given: CallArguments): readonly string[] {
  if (given.kind === "raw") return [];
  return [...new Set(given.kind === "json" ? given.keys : given.values.keys())].toSorted();
}
