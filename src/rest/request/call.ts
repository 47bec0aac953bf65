import { RowhouseError } from "../../errors.ts";
import { argumentNames, parseArguments, splitArguments, type CallArguments } from "./arguments.ts";
import { mediaTypeOf } from "./body.ts";
import { parsePreferences, type Preferences } from "./preferences.ts";
import { parseParams, parseQuery, type QueryParts } from "./query.ts";
import { splitQuery } from "./query-string.ts";
import { ALL_ROWS, withHeader, type RowRange } from "./range.ts";
import type { RestRequest } from "./request.ts";

/** A call of a function that was understood, as far as that goes without the catalog. */
export interface CallRequest {
  readonly name: string;
  /** POST: the function may write, when it is one that does. */
  readonly isPost: boolean;
  readonly wantsBody: boolean;
  readonly given: CallArguments;
  /** Names of the arguments, sorted. */
  readonly keys: readonly string[];
  /** Media type of the body. */
  readonly contentType: string;
  readonly query: QueryParts;
  readonly range: RowRange;
  readonly preferences: Preferences;
  /** The header. */
  readonly accept: string | undefined;
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "OPTIONS"]);

function readParts({ method, query, body, headers }: RestRequest): { given: CallArguments; query: QueryParts } {
  if (method === "POST") {
    const parts = parseQuery(query);
    return { given: parseArguments(body, headers["content-type"], parts.columns), query: parts };
  }
  const { given, rest } = splitArguments(splitQuery(query));
  return { given, query: parseParams(rest) };
}

/**
 * Bytes to a call.
 * @param name of the function, in the path
 * @param isTxAllowed whether `Prefer: tx=` counts
 * @throws RowhouseError rpcMethodUnsupported, requestMalformed, rangeUnsatisfiable, bodyInvalid, limitExceeded
 */
export function parseCall(request: RestRequest, name: string, isTxAllowed: boolean): CallRequest {
  const { method, headers } = request;
  if (!METHODS.has(method)) {
    throw new RowhouseError("rpcMethodUnsupported", { message: `Cannot use the ${method} method on RPC` });
  }
  const { given, query } = readParts(request);
  const range = query.ranges.get("")?.value ?? ALL_ROWS;
  return {
    name,
    isPost: method === "POST",
    wantsBody: method !== "HEAD",
    given,
    keys: argumentNames(given),
    contentType: mediaTypeOf(headers["content-type"]),
    query,
    range: withHeader(range, method === "GET" ? headers["range"] : undefined),
    preferences: parsePreferences(headers["prefer"], isTxAllowed),
    accept: headers["accept"],
  };
}
