import { RowhouseError } from "../../errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** A body that is JSON: its text, which is what the database is given, and what it says. */
export interface JsonBody {
  readonly text: string;
  readonly value: unknown;
}

/** Deeper JSON is refused before anything walks it recursively (threats.md, H22). */
export const MAX_DEPTH = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true });

export function isDeeper(value: unknown, limit: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (limit === 0) return true;
  for (const member of Object.values(value)) {
    if (isDeeper(member, limit - 1)) return true;
  }
  return false;
}

/**
 * The text of a body. A byte order mark is left out.
 * @throws RowhouseError bodyInvalid with `message` for bytes that are not UTF-8
 */
export function decodeBody(body: Buffer, message: string): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw new RowhouseError("bodyInvalid", { message, cause });
  }
}

/** What the text says, or undefined when it is not JSON. */
export function tryJson(text: string): JsonBody | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (isDeeper(value, MAX_DEPTH)) {
    const details = `At most ${MAX_DEPTH} levels are accepted.`;
    throw new RowhouseError("bodyInvalid", { message: "The body is nested too deep", details });
  }
  return { text, value };
}

/** @throws RowhouseError bodyInvalid for what is not JSON in UTF-8, or is nested too deep */
export function parseJson(body: Buffer): JsonBody {
  const message = "Empty or invalid json";
  return tryJson(decodeBody(body, message)) ?? refuseBody(message);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether every row has exactly these keys, in any order. */
export function haveSameKeys(rows: readonly JsonObject[], keys: readonly string[]): boolean {
  const wanted = new Set(keys);
  return rows.every((row) => {
    const own = Object.keys(row);
    return own.length === keys.length && own.every((key) => wanted.has(key));
  });
}

/** @throws RowhouseError bodyInvalid */
export function refuseBody(message: string, details?: string): never {
  throw new RowhouseError("bodyInvalid", { message, details });
}
