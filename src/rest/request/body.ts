import { RowhouseError } from "../../errors.ts";

/** Rows to write, checked, and written out anew from what was checked, so that the database can't read something else. */
export interface Payload {
  /** A JSON array of objects. */
  readonly json: string;
  readonly rowCount: number;
  /** Names that the objects have: of all rows the same, unless `columns` chose. */
  readonly keys: readonly string[];
}

/** Deeper JSON is refused before anything walks it recursively (threats.md, H22). */
const MAX_DEPTH = 64;

type JsonObject = Readonly<Record<string, unknown>>;

function refuse(message: string, details?: string): never {
  throw new RowhouseError("bodyInvalid", { message, details });
}

function isDeeper(value: unknown, limit: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (limit === 0) return true;
  for (const member of Object.values(value)) {
    if (isDeeper(member, limit - 1)) return true;
  }
  return false;
}

/** Whether a number may be in there that a JavaScript number does not hold as written: `1.10`, `1e400`, `-0`, twenty digits. */
const FRAGILE_NUMBER = /\d[.eE]|-0|\d{16}/;

/** Numbers keep their digits: what is stored is what was sent. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined || String(value) === context.source) return value;
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(context.source);
}

const NO_BODY = Buffer.alloc(0);
const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseJson(body: Buffer): unknown {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(body);
    value = JSON.parse(text);
  } catch (cause) {
    throw new RowhouseError("bodyInvalid", { message: "Empty or invalid json", cause });
  }
  if (isDeeper(value, MAX_DEPTH)) refuse("The body is nested too deep", `At most ${MAX_DEPTH} levels are accepted.`);
  return FRAGILE_NUMBER.test(text) ? JSON.parse(text, keepDigits) : value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function haveSameKeys(rows: readonly JsonObject[], keys: readonly string[]): boolean {
  return rows.every((row) => {
    const own = Object.keys(row);
    return (
      own.length === keys.length && (own.every((key, n) => key === keys[n]) || own.every((key) => keys.includes(key)))
    );
  });
}

function refuseTenantId(rows: readonly JsonObject[]): void {
  for (const row of rows) {
    if (Object.hasOwn(row, "tenant_id")) {
      throw new RowhouseError("tenantIdGiven", {
        message: "The body names tenant_id, which is not part of the API",
        hint: "Leave it out: the token says whose the rows are.",
      });
    }
  }
}

const MEDIA_TYPES: ReadonlyMap<string, "json" | "later"> = new Map([
  ["application/json", "json"],
  ["application/vnd.pgrst.object+json", "json"],
  ["text/csv", "later"],
  ["application/x-www-form-urlencoded", "later"],
]);

function checkContentType(header: string | undefined): void {
  const type = header === undefined ? "application/json" : (header.split(";", 1)[0] ?? "").trim().toLowerCase();
  const known = MEDIA_TYPES.get(type);
  if (known === "later") {
    throw new RowhouseError("featureUnsupported", {
      message: `A body of type ${type} is not supported yet`,
      hint: "Send application/json.",
    });
  }
  if (known === undefined) refuse(`Content-Type not acceptable: ${type}`);
}

/**
 * @param columns of the `columns` parameter: then rows need not agree in their keys, and others are left unread
 * @param maxRows more are refused
 * @throws RowhouseError bodyInvalid, tenantIdGiven, limitExceeded; featureUnsupported for CSV and forms
 */
export function parseBody(
  body: Buffer | null,
  contentType: string | undefined,
  columns: readonly string[] | null,
  maxRows: number,
): Payload {
  checkContentType(contentType);
  const value = parseJson(body ?? NO_BODY);
  // PostgREST takes a bare number or string for an empty list.
  const rows = Array.isArray(value) ? value : isObject(value) ? [value] : [];
  if (!rows.every(isObject)) refuse("All object keys must match");
  refuseTenantId(rows);
  if (rows.length > maxRows) {
    throw new RowhouseError("limitExceeded", {
      message: `The body has ${rows.length} rows; at most ${maxRows} are accepted at once`,
      hint: "Send them in several requests.",
    });
  }
  const keys = columns ?? Object.keys(rows[0] ?? {});
  if (columns === null && !haveSameKeys(rows, keys)) refuse("All object keys must match");
  return { json: JSON.stringify(rows), rowCount: rows.length, keys };
}
