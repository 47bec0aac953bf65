import { RowhouseError } from "../errors.ts";

/** An answer that SQL of the app gave whole: `raise sqlstate 'PGRST'` (PostgREST, RAISE errors with HTTP Status Codes). */
export interface Raised {
  readonly status: number;
  /** Reason phrase; null for the status's own. */
  readonly reason: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly code: string;
  readonly message: string;
  readonly details: string | null;
  readonly hint: string | null;
}

const MESSAGE_HINT =
  "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
const DETAIL_HINT =
  "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";

function refuse(details: string, hint: string): never {
  throw new RowhouseError("raiseMalformed", {
    message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`,
    details,
    hint,
  });
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTextOrNothing = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || isText(value);

/** RFC 9110 5.1, 5.5. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
const REASON = /^[\x20-\x7e]*$/;
/** They frame the message (RFC 9112 6), and are the server's to say. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection"]);

function readHeaders(value: unknown): Record<string, string> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const headers: Record<string, string> = {};
  for (const [name, said] of Object.entries(value)) {
    if (!isText(said) || !HEADER_NAME.test(name) || !HEADER_VALUE.test(said)) return undefined;
    if (!FRAMING.has(name.toLowerCase())) headers[name.toLowerCase()] = said;
  }
  return headers;
}

/** 1xx is no final answer (RFC 9110 15.2). */
const isStatus = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 599;

/**
 * @param detail undefined when the statement had none
 * @throws RowhouseError raiseMalformed (PGRST121)
 */
export function readRaised(message: string, detail: string | undefined): Raised {
  const said = parseObject(message);
  if (
    said === undefined ||
    !isText(said["code"]) ||
    !isText(said["message"]) ||
    !isTextOrNothing(said["details"]) ||
    !isTextOrNothing(said["hint"])
  )
    refuse(`Invalid JSON value for MESSAGE: '${message}'`, MESSAGE_HINT);
  if (detail === undefined) refuse("DETAIL is missing in the RAISE statement", DETAIL_HINT);
  const { status, headers: given, status_text: reason } = parseObject(detail) ?? {};
  const headers = readHeaders(given);
  if (!isStatus(status) || headers === undefined || !isTextOrNothing(reason))
    refuse(`Invalid JSON value for DETAIL: '${detail}'`, DETAIL_HINT);
  return {
    status,
    reason: isText(reason) && REASON.test(reason) ? reason : null,
    headers,
    code: said["code"],
    message: said["message"],
    details: said["details"] ?? null,
    hint: said["hint"] ?? null,
  };
}
