import { RowhouseError } from "../../errors.ts";
import { parseCsv } from "./csv-body.ts";
import { decodeBody, haveSameKeys, isObject, parseJson, refuseBody, tryJson } from "./json-body.ts";

/** Rows to write. Which columns are written is decided by `keys`, whatever else the text holds. */
export interface Payload {
  /** A JSON array of objects, each as it came: a column of type json keeps its spaces and its digits. */
  readonly json: string;
  readonly rowCount: number;
  /** Names that the rows give a value for, sorted: those of every row, or those that `columns` chose. */
  readonly keys: readonly string[];
  /** Whether `columns` chose, so that a row may leave out some of them. */
  readonly isChosen: boolean;
}

const NO_BODY = Buffer.alloc(0);

type Read = (body: Buffer, columns: readonly string[] | null) => Payload;

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].toSorted();
}

function refuseTenantId(rows: readonly unknown[]): void {
  for (const row of rows) {
    if (isObject(row) && Object.hasOwn(row, "tenant_id")) {
      throw new RowhouseError("tenantIdGiven", {
        message: "The body names tenant_id, which is not part of the API",
        hint: "Leave it out: the token says whose the rows are.",
      });
    }
  }
}

/** A lone object is a list of one. */
function asList(text: string): string {
  return text.trimStart().startsWith("{") ? `[${text}]` : text;
}

/** With `columns` the database is the judge of what the text holds, and its refusals are the ones that clients know. */
function readChosen(body: Buffer, columns: readonly string[]): Payload {
  const text = decodeBody(body, "Empty or invalid json");
  const found = tryJson(text);
  const keys = sorted(columns);
  // As it stands: two objects in a row are no JSON, and would be when made a list.
  if (found === undefined) return { json: text, rowCount: 0, keys, isChosen: true };
  const rows: unknown[] = Array.isArray(found.value) ? found.value : [found.value];
  refuseTenantId(rows);
  return { json: asList(text), rowCount: rows.length, keys, isChosen: true };
}

const readJson: Read = (body, columns) => {
  if (columns !== null) return readChosen(body, columns);
  const { text, value } = parseJson(body);
  const rows: unknown[] = Array.isArray(value) ? value : [value];
  // PostgREST takes a bare number or string for an empty list.
  if (!Array.isArray(value) && !isObject(value)) return { json: "[]", rowCount: 0, keys: [], isChosen: false };
  if (!rows.every(isObject)) refuseBody("All object keys must match");
  refuseTenantId(rows);
  const keys = Object.keys(rows[0] ?? {});
  if (!haveSameKeys(rows, keys)) refuseBody("All object keys must match");
  return { json: asList(text), rowCount: rows.length, keys: sorted(keys), isChosen: false };
};

const readCsv: Read = (body) => {
  const { keys, rows } = parseCsv(decodeBody(body, "Empty or invalid csv"));
  refuseTenantId(rows);
  return { json: JSON.stringify(rows), rowCount: rows.length, keys: sorted(keys), isChosen: false };
};

/** One row; of two fields of one name the last counts (URL Standard, application/x-www-form-urlencoded parsing). */
const readForm: Read = (body) => {
  const row = Object.fromEntries(new URLSearchParams(decodeBody(body, "Empty or invalid form")));
  refuseTenantId([row]);
  return { json: JSON.stringify([row]), rowCount: 1, keys: sorted(Object.keys(row)), isChosen: false };
};

/** By media type without its parameters. `columns` is only for JSON, as in PostgREST. */
const READ: ReadonlyMap<string, Read> = new Map([
  ["application/json", readJson],
  ["text/csv", readCsv],
  ["application/x-www-form-urlencoded", readForm],
]);

/** `text/csv` of `Text/CSV; charset=utf-8`; JSON when nothing is said. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "application/json").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/**
 * @param columns of the `columns` parameter: then rows need not agree in their keys, and others are left unread
 * @param maxRows more are refused
 * @throws RowhouseError bodyInvalid, tenantIdGiven, limitExceeded
 */
export function parseBody(
  body: Buffer | null,
  contentType: string | undefined,
  columns: readonly string[] | null,
  maxRows: number,
): Payload {
  const type = mediaTypeOf(contentType);
  const read = READ.get(type) ?? refuseBody(`Content-Type not acceptable: ${type}`);
  const payload = read(body ?? NO_BODY, columns);
  if (payload.rowCount > maxRows) {
    throw new RowhouseError("limitExceeded", {
      message: `The body has ${payload.rowCount} rows; at most ${maxRows} are accepted at once`,
      hint: "Send them in several requests.",
    });
  }
  return payload;
}
