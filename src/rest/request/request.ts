import { RowhouseError } from "../../errors.ts";
import { parseBody, type Payload } from "./body.ts";
import { parseConditions, type Conditions } from "./conditional.ts";
import type { Media } from "./media.ts";
import { parsePreferences, type Preferences } from "./preferences.ts";
import { parseQuery, type QueryParts } from "./query.ts";
import { ALL_ROWS, withHeader, type RowRange } from "./range.ts";

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

export type Verb = "read" | "insert" | "update" | "delete";

/** A request that was understood, as far as that goes without the tables. */
export interface ParsedRequest {
  readonly verb: Verb;
  /** An insert of the one row that the filters name, whether or not it is there already. */
  readonly isPut: boolean;
  readonly relation: string;
  readonly wantsBody: boolean;
  readonly query: QueryParts;
  /** Of the root: `limit`, `offset` and the Range header together. */
  readonly range: RowRange;
  readonly preferences: Preferences;
  /** The header. */
  readonly accept: string | undefined;
  readonly payload: Payload | null;
  readonly conditions: Conditions;
}

/** The first value of the pipeline: what is wanted of the relation, and in which shape. */
export interface ApiRequest extends ParsedRequest {
  readonly media: Media;
}

const VERBS: ReadonlyMap<string, Verb> = new Map([
  ["GET", "read"],
  ["HEAD", "read"],
  ["POST", "insert"],
  ["PUT", "insert"],
  ["PATCH", "update"],
  ["DELETE", "delete"],
]);

function verbOf(method: string): Verb {
  const verb = VERBS.get(method);
  if (verb !== undefined) return verb;
  throw new RowhouseError("restMethodUnsupported", { message: `Unsupported HTTP method: ${method}` });
}

function refuseRange({ offset, limit }: RowRange): void {
  if (offset === 0 && limit === null) return;
  throw new RowhouseError("putRangeGiven", {
    message: "limit/offset querystring parameters are not allowed for PUT",
  });
}

/**
 * Bytes to request. Knows the dialect's grammar and nothing of the tables.
 * @param relation name in the path
 * @param maxInsertRows rows that one body may have
 * @param allowsTx whether `Prefer: tx=` counts
 * @throws RowhouseError of every kind that `src/rest/request` raises; restMethodUnsupported, putRangeGiven
 */
export function parseRequest(
  request: RestRequest,
  relation: string,
  maxInsertRows: number,
  allowsTx = false,
): ParsedRequest {
  const { method, headers } = request;
  const verb = verbOf(method);
  const query = parseQuery(request.query);
  const range = withHeader(query.ranges.get("")?.value ?? ALL_ROWS, method === "GET" ? headers["range"] : undefined);
  const isPut = method === "PUT";
  if (isPut) refuseRange(range);
  const hasBody = verb === "insert" || verb === "update";
  // The one row of a PUT is given whole.
  const columns = isPut ? null : query.columns;
  const payload = hasBody ? parseBody(request.body, headers["content-type"], columns, maxInsertRows) : null;
  return {
    verb,
    isPut,
    relation,
    wantsBody: method !== "HEAD",
    query,
    range,
    preferences: parsePreferences(headers["prefer"], allowsTx),
    accept: headers["accept"],
    payload,
    conditions: parseConditions(headers),
  };
}
