import type { StatementResult } from "../../db/statement.ts";
import { RowhouseError } from "../../errors.ts";
import { restError } from "../errors.ts";
import { appliedPreferences, type Preferences } from "../request/preferences.ts";
import type { ApiRequest } from "../request/request.ts";
import type { WriteTarget } from "../target/target.ts";
import { contentRange, rangeStatus } from "./content-range.ts";

/** What goes out over HTTP, without HTTP's objects. */
export interface RestAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

type Names = ReadonlySet<keyof Preferences>;
/** The preferences that each verb keeps, and so says that it did. */
const KEPT: Readonly<Record<ApiRequest["verb"], Names>> = {
  read: new Set(["count", "handling"]),
  insert: new Set(["resolution", "missing", "return", "count", "handling", "maxAffected"]),
  update: new Set(["missing", "return", "count", "handling", "maxAffected"]),
  delete: new Set(["return", "count", "handling", "maxAffected"]),
};

function withApplied(
  headers: Record<string, string>,
  request: ApiRequest,
  names: Names = KEPT[request.verb],
): Record<string, string> {
  const applied = appliedPreferences(request.preferences, names);
  if (applied !== undefined) headers["preference-applied"] = applied;
  return headers;
}

function refuseRange(offset: number, total: number): RestAnswer {
  const { status, headers, body } = restError(
    new RowhouseError("rangeUnsatisfiable", {
      message: "Requested range not satisfiable",
      details: `An offset of ${offset} was requested, but there are only ${total} rows.`,
    }),
  );
  return { status, headers: { ...headers, "content-range": contentRange(1, 0, total) }, body: JSON.stringify(body) };
}

/**
 * What a read answers.
 * @param result of the statement that `renderRead` made
 * @throws RowhouseError rowsNotSingle
 */
export function respondRead(request: ApiRequest, { rows: [row = []] }: StatementResult): RestAnswer {
  const { media, range, wantsBody } = request;
  const count = Number(row[0]);
  const total = row[2] === null || row[2] === undefined ? null : Number(row[2]);
  const status = rangeStatus(range.offset, count, total);
  if (status === 416) return refuseRange(range.offset, total ?? 0);
  if (media.isSingle && count !== 1) {
    throw new RowhouseError("rowsNotSingle", {
      message: "Cannot coerce the result to a single JSON object",
      details: `The result contains ${count} rows`,
    });
  }
  const headers: Record<string, string> = {
    "content-type": media.contentType,
    "content-range": contentRange(range.offset, range.offset + count - 1, total),
  };
  return { status, headers: withApplied(headers, request), body: wantsBody ? (row[1] ?? null) : null };
}

/** The address of the one row: its primary key as filters. */
function locationOf({ read }: WriteTarget, keys: string, basePath: string): string {
  const values = JSON.parse(keys) as string[];
  const filters = read.relation.primaryKey.map(
    (name, n) => `${encodeURIComponent(name)}=eq.${encodeURIComponent(values[n] ?? "")}`,
  );
  return `${basePath}/${encodeURIComponent(read.relation.name)}?${filters.join("&")}`;
}

function writeRange({ verb, preferences }: ApiRequest, count: number): string {
  const total = preferences.count === null ? null : count;
  return verb === "update" ? contentRange(0, count - 1, total) : contentRange(1, 0, total);
}

function writeStatus({ verb, preferences }: ApiRequest, inserted: number | null): number {
  if (verb !== "insert") return preferences.return === "representation" ? 200 : 204;
  return inserted === 0 && preferences.resolution === "merge-duplicates" ? 200 : 201;
}

/**
 * What a write answers.
 * @param result of the statement that `renderWrite` made
 * @param basePath of the API, for `Location`
 */
export function respondWrite(
  request: ApiRequest,
  target: WriteTarget,
  result: StatementResult,
  basePath: string,
): RestAnswer {
  const [row] = result.rows;
  const count = row === undefined ? result.rowCount : Number(row[0]);
  const inserted = row?.[3] === null || row?.[3] === undefined ? null : Number(row[3]);
  const headers: Record<string, string> = { "content-range": writeRange(request, count) };
  const showsRows = request.preferences.return === "representation";
  if (showsRows) headers["content-type"] = request.media.contentType;
  if (typeof row?.[2] === "string") headers["location"] = locationOf(target, row[2], basePath);
  withApplied(headers, request);
  return { status: writeStatus(request, inserted), headers, body: showsRows ? (row?.[1] ?? null) : null };
}

/** What `OPTIONS` answers: the methods that the API role has the rights for. */
export function respondOptions(verbs: ReadonlySet<string>): RestAnswer {
  const methods = ["OPTIONS", "GET", "HEAD"];
  if (verbs.has("insert")) methods.push("POST");
  if (verbs.has("update")) methods.push("PATCH");
  if (verbs.has("delete")) methods.push("DELETE");
  return { status: 200, headers: { allow: methods.join(",") }, body: null };
}
