import { RowhouseError } from "../../errors.ts";
import { parseBody, type Payload } from "./body.ts";
import { negotiateMedia, type Media } from "./media.ts";
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

function verbOf(method: string): Verb {
  const verb = VERBS.get(method);
  if (verb !== undefined) return verb;
  if (method !== "PUT") {
    throw new RowhouseError("restMethodUnsupported", { message: `Unsupported HTTP method: ${method}` });
  }
  throw new RowhouseError("featureUnsupported", {
    message: "PUT is not supported yet",
    hint: "POST with Prefer: resolution=merge-duplicates does the same.",
  });
}

/**
 * Bytes to request. Knows the dialect's grammar and nothing of the tables.
 * @param relation name in the path
 * @param maxInsertRows rows that one body may have
 * @throws RowhouseError of every kind that `src/rest/request` raises; restMethodUnsupported
 */
export function parseRequest(request: RestRequest, relation: string, maxInsertRows: number): ApiRequest {
  const { method, headers } = request;
  const verb = verbOf(method);
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
