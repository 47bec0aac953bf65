import { hash } from "node:crypto";
import { RowhouseError } from "../../errors.ts";
import { splitQuery } from "./query-string.ts";

/** Values of the order's terms in the last row of a page, as PostgreSQL's text; null for null. */
export type Keys = readonly (string | null)[];

/** What one cursor belongs to: a page of anything else would skip rows, or show some twice. */
export interface CursorOf {
  readonly tenantId: string;
  readonly schema: string;
  readonly relation: string;
  /** Raw query of the request. */
  readonly query: string;
}

/** What may change from page to page: how many rows, and what is shown of them. */
const FREE: ReadonlySet<string> = new Set(["select", "limit", "cursor"]);

/** A checksum and no seal: whoever makes one up has named a place among rows that the tenant's own requests see anyway. */
function checksum({ tenantId, schema, relation, query }: CursorOf, keys: Keys): string {
  const params = splitQuery(query).filter(([name]) => !FREE.has(name));
  const sorted = params.map((param) => JSON.stringify(param)).toSorted();
  return hash("sha256", JSON.stringify([tenantId, schema, relation, sorted, keys]), "base64url").slice(0, 16);
}

export function makeCursor(of: CursorOf, keys: Keys): string {
  return Buffer.from(JSON.stringify([checksum(of, keys), ...keys])).toString("base64url");
}

function refuse(): never {
  throw new RowhouseError("cursorInvalid", {
    details: "A cursor is of one tenant, relation, order and set of filters; it can't be made up or changed.",
    hint: "Follow the Link of the last answer as it is, or begin anew with an empty cursor.",
  });
}

function parse(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    return Array.isArray(value) ? value : refuse();
  } catch {
    return refuse();
  }
}

const isKey = (value: unknown): value is string | null => typeof value === "string" || value === null;

/**
 * @param count of the order's terms
 * @returns null for the first page, which an empty cursor asks for
 * @throws RowhouseError cursorInvalid
 */
export function readCursor(token: string, of: CursorOf, count: number): Keys | null {
  if (token === "") return null;
  const [sum, ...keys] = parse(token);
  if (!keys.every(isKey) || keys.length !== count || sum !== checksum(of, keys)) return refuse();
  return keys;
}

/** @throws RowhouseError cursorInvalid: only a read of a relation is paged so */
export function refuseCursor(cursor: string | null): void {
  if (cursor === null) return;
  throw new RowhouseError("cursorInvalid", { message: "Only a GET of a table or view takes a cursor" });
}

/** The query of the page after the cursor. @param query raw, of the page before */
export function withCursor(query: string, cursor: string): string {
  const kept = query.split("&").filter((part) => part !== "" && !/^cursor=[\w-]*$/.test(part));
  // As sent, but for what ends a link's target (RFC 8288, 3; RFC 3986, 2).
  const sent = kept.map((part) => part.replaceAll(/[<>"]/g, encodeURIComponent));
  return [...sent, `cursor=${cursor}`].join("&");
}
