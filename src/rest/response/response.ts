import type { StatementResult } from "../../db/statement.ts";
import { RowhouseError } from "../../errors.ts";
import { restError } from "../errors.ts";
import { appliedPreferences, type Preferences } from "../request/preferences.ts";
import { decodeBody, type Media } from "../request/media.ts";
import type { ApiRequest } from "../request/request.ts";
import { contentRange, rangeStatus, readTotal, type Total } from "./content-range.ts";

/** What goes out over HTTP, without HTTP's objects. */
export interface RestAnswer {
  readonly status: number;
  /** Lower-case names; a list is sent as several headers. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer | null;
}

/** Of the preferences that not every verb keeps, a read keeps none. */
const KEPT: ReadonlySet<keyof Preferences> = new Set();

function refusalOfRange(offset: number, total: number): string {
  const { body } = restError(
    new RowhouseError("rangeUnsatisfiable", {
      message: "Requested range not satisfiable",
      details: `An offset of ${offset} was requested, but there are only ${total} rows.`,
    }),
  );
  return JSON.stringify(body);
}

/** @throws RowhouseError rowsNotSingle unless there is exactly one, when one is what was asked for */
export function refuseNotSingle({ isSingle }: Media, count: number): void {
  if (!isSingle || count === 1) return;
  throw new RowhouseError("rowsNotSingle", {
    message: "Cannot coerce the result to a single JSON object",
    details: `The result contains ${count} rows`,
  });
}

/** How the rows of an answer stand among all that there are: status, `Content-Range`, and the body of a refusal. */
export function respondRange(
  offset: number,
  count: number,
  total: Total | null,
): { status: 200 | 206 | 416; contentRange: string; refusal: string | null } {
  const status = rangeStatus(offset, count, total);
  const said = contentRange(offset, offset + count - 1, total?.rows ?? null);
  return { status, contentRange: said, refusal: status === 416 ? refusalOfRange(offset, total?.rows ?? 0) : null };
}

/**
 * What a read answers.
 * @param result of the statement that `renderRead` made
 * @param countLimit of the count that was asked for, as `countLimitOf` tells it
 * @param more headers that do not depend on the rows
 * @throws RowhouseError rowsNotSingle
 */
export function respondRead(
  request: ApiRequest,
  { rows: [row = []] }: StatementResult,
  countLimit: number | null,
  more: Readonly<Record<string, string>>,
): RestAnswer {
  const { media, preferences, range, wantsBody } = request;
  const count = Number(row[0]);
  refuseNotSingle(media, count);
  const total = readTotal(row[2], countLimit, count === 0 ? 0 : range.offset + count);
  const { status, contentRange: said, refusal } = respondRange(range.offset, count, total);
  const headers: Record<string, string> = {
    "content-type": refusal === null ? media.contentType : "application/json; charset=utf-8",
    "content-range": said,
    ...more,
  };
  const body = wantsBody ? (refusal ?? decodeBody(media, row[1] ?? null)) : null;
  const applied = appliedPreferences(preferences, KEPT);
  if (applied !== undefined) headers["preference-applied"] = applied;
  return { status, headers, body };
}
