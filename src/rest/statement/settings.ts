import type { Statement } from "../../db/statement.ts";
import type { RestRequest } from "../request/request.ts";
import { quote } from "./writer.ts";

/** What a transaction is told before the request's own statement; null for what it is not to hear of. */
export interface RequestSettings {
  readonly request: RestRequest | null;
  /** Claims of the verified token. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Comes first in the search path. */
  readonly schema: string | null;
  readonly timezone: string | null;
  /** Of the function that is called. */
  readonly statementTimeout: string | null;
}

/** As PostgREST has them: by lower-case names, without the cookies. */
function headersJson({ headers }: RestRequest): string {
  return JSON.stringify({ ...headers, cookie: undefined });
}

/** RFC 6265 4.2.1; of two of one name the last. */
function cookiesJson({ headers: { cookie = "" } }: RestRequest): string {
  const pairs = cookie.split(";").flatMap((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()] as const];
  });
  return JSON.stringify(Object.fromEntries(pairs));
}

function requestValues(
  request: RestRequest | null,
  claims: Readonly<Record<string, unknown>>,
): readonly (string | null)[] {
  if (request === null) return [null, null, null, null, null];
  const path = `/${request.path.map(encodeURIComponent).join("/")}`;
  return [request.method, path, headersJson(request), cookiesJson(request), JSON.stringify(claims)];
}

/** Tells the transaction; see `policies/request.sql`. Clears `response.*` in any case. */
export function renderSettings({ request, claims, schema, timezone, statementTimeout }: RequestSettings): Statement {
  return {
    name: "rowhouse_request",
    text: "select platform.set_request($1, $2, $3, $4, $5, $6, $7, $8)",
    values: [...requestValues(request, claims), schema, timezone, statementTimeout],
  };
}

/**
 * Calls the function that runs first in every request.
 * @param name `schema.function`, of the configuration
 */
export function renderPreRequest(name: string): Statement {
  return { name: "rowhouse_pre_request", text: `select ${name.split(".").map(quote).join(".")}()`, values: [] };
}

/** Its row has what functions of the app said of the answer: headers as JSON, status. Null for nothing. */
export const READ_RESPONSE: Statement = {
  name: "rowhouse_response",
  text: "select nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '')",
  values: [],
};

/** Takes everything back that the transaction did, after what it left for its end was checked. */
export const ROLLBACK: readonly Statement[] = [
  { text: "set constraints all immediate", values: [] },
  // Ends the implicit transaction of a pipeline as well, with a warning (PostgreSQL manual, ROLLBACK).
  { text: "rollback", values: [] },
];
