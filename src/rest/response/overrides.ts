import type { StatementResult } from "../../db/statement.ts";
import { RowhouseError } from "../../errors.ts";
import type { RestAnswer } from "./response.ts";

/** What functions of the app said of the answer by the settings `response.headers` and `response.status`. */
export interface Overrides {
  readonly status: number | null;
  /** Lower-case names; several values of `set-cookie`. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** RFC 9110 5.1 and 5.5: what a header may consist of. Anything else would end it, or the answer. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u;
/** They frame the message (RFC 9112 6), and are the server's to say. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection"]);

function refuseHeaders(): never {
  throw new RowhouseError("responseHeadersInvalid", {
    message: "response.headers guc must be a JSON array composed of objects with a single key and a string value",
  });
}

function parseList(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuseHeaders();
  }
  return Array.isArray(value) ? value : refuseHeaders();
}

/** Node sends a header's characters as bytes (RFC 9110 5.5); PostgREST sends UTF-8. */
export function toBytes(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}

function readHeaders(text: string | null): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const item of text === null ? [] : parseList(text)) {
    if (typeof item !== "object" || item === null) refuseHeaders();
    const [pair, ...more] = Object.entries(item as Record<string, unknown>);
    if (pair === undefined || more.length > 0) refuseHeaders();
    const [name, value] = pair;
    if (typeof value !== "string" || !NAME.test(name) || !VALUE.test(value)) refuseHeaders();
    const key = name.toLowerCase();
    if (FRAMING.has(key)) continue;
    headers.set(key, [...(headers.get(key) ?? []), toBytes(value)]);
  }
  return headers;
}

/** Digits at the beginning, as PostgREST reads them; 1xx and what is no status would break HTTP (RFC 9110 15). */
function readStatus(text: string | null): number | null {
  if (text === null) return null;
  const status = Number(/^\d+/.exec(text)?.[0]);
  if (status >= 200 && status <= 599) return status;
  throw new RowhouseError("responseStatusInvalid", { message: "response.status guc must be a valid status code" });
}

/**
 * @param result of READ_RESPONSE
 * @throws RowhouseError responseHeadersInvalid, responseStatusInvalid
 */
export function readOverrides(result: StatementResult | undefined): Overrides | null {
  const [headers = null, status = null] = result?.rows[0] ?? [];
  if (headers === null && status === null) return null;
  return { headers: readHeaders(headers), status: readStatus(status) };
}

const ASCII = /^[\x20-\x7e\t]*$/;

/** The answer as the app wants it: its own status, and its headers in the place of ours. */
export function override(answer: RestAnswer, overrides: Overrides | null): RestAnswer {
  if (overrides === null) return answer;
  const headers: Record<string, string | readonly string[]> = { ...answer.headers };
  for (const [name, values] of overrides.headers) headers[name] = values.length === 1 ? values[0]! : values;
  const isPlain = [...overrides.headers.values()].every((values) => values.every((value) => ASCII.test(value)));
  // Node writes headers and a body of text together, in the body's encoding.
  const body = isPlain || answer.body === null ? answer.body : Buffer.from(answer.body);
  return { status: overrides.status ?? answer.status, headers, body };
}
