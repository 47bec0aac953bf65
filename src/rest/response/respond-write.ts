import type { StatementResult } from "../../db/statement.ts";
import { decodeBody } from "../request/media.ts";
import { appliedPreferences, type Preferences } from "../request/preferences.ts";
import type { ApiRequest } from "../request/request.ts";
import { warningHeader } from "../target/warnings.ts";
import type { WriteTarget } from "../target/write-target.ts";
import { contentRange } from "./content-range.ts";
import type { RestAnswer } from "./response.ts";

/** Of the preferences that not every verb keeps, those that this write does. */
function kept({ verb, isPut }: ApiRequest, { conflict }: WriteTarget): ReadonlySet<keyof Preferences> {
  if (isPut) return new Set(["return"]);
  if (verb === "delete") return new Set(["return", "maxAffected"]);
  if (verb === "update") return new Set(["return", "missing", "maxAffected"]);
  return new Set(conflict === null ? ["return", "missing"] : ["return", "missing", "resolution"]);
}

/** Letters, digits and `-._~` as they are (RFC 3986, 2.3), everything else in percents. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The address of the one row: its primary key as filters. */
function locationOf({ read: { relation } }: WriteTarget, keys: string, basePath: string): string {
  const values = JSON.parse(keys) as (string | null)[];
  const filters = relation.primaryKey.map((name, n) => {
    const value = values[n] ?? null;
    return `${encode(name)}=${value === null ? "is.null" : `eq.${encode(value)}`}`;
  });
  return `${basePath}/${encode(relation.name)}?${filters.join("&")}`;
}

/** An estimate of what is known for sure makes no sense: `count=planned` counts for reads alone. */
function totalOf({ preferences }: ApiRequest, count: number): number | null {
  return preferences.count === "exact" || preferences.count === "estimated" ? count : null;
}

/** Of the rows of an update; an insert and a delete have no rows left to number, and a PUT is about one. */
function rangeOf(request: ApiRequest, count: number): string | undefined {
  const { verb, isPut } = request;
  const total = totalOf(request, count);
  if (isPut) return undefined;
  return verb === "update" ? contentRange(0, count - 1, total) : contentRange(1, 0, total);
}

/** @param added how many rows are new; all of them where nobody asked */
function statusOf({ verb, isPut, preferences }: ApiRequest, added: number): number {
  const showsRows = preferences.return === "representation";
  if (isPut) return showsRows ? (added > 0 ? 201 : 200) : 204;
  if (verb !== "insert") return showsRows ? 200 : 204;
  return added === 0 && preferences.resolution === "merge-duplicates" ? 200 : 201;
}

function headersOf(request: ApiRequest, target: WriteTarget, count: number): Record<string, string> {
  const all = {
    "content-range": rangeOf(request, count),
    "content-type": request.preferences.return === "representation" ? request.media.contentType : undefined,
    "preference-applied": appliedPreferences(request.preferences, kept(request, target)),
    warning: warningHeader(target.read),
  };
  return Object.fromEntries(
    Object.entries(all).filter((header): header is [string, string] => header[1] !== undefined),
  );
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
  const [shown = null, body = null, keys = null, added = null] = row ?? [];
  const count = row === undefined ? result.rowCount : Number(shown);
  const headers = headersOf(request, target, count);
  if (keys !== null) headers["location"] = locationOf(target, keys, basePath);
  const showsRows = request.preferences.return === "representation";
  return {
    // A PUT of what has to be there already adds nothing.
    status: statusOf(request, target.verb === "update" ? 0 : added === null ? count : Number(added)),
    headers,
    body: showsRows ? decodeBody(request.media, body) : null,
  };
}
