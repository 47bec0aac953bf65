import type { StatementResult } from "../db/statement.ts";
import { writerOptions, type RestContext } from "./context.ts";
import { NO_CONDITIONS } from "./request/conditional.ts";
import { makeCursor, withCursor, type CursorOf, type Keys } from "./request/cursor.ts";
import { refuseInvalid } from "./request/preferences.ts";
import type { ApiRequest } from "./request/request.ts";
import { contentLocation } from "./response/content-location.ts";
import { answerConditions, shownRow } from "./response/etag.ts";
import { override } from "./response/overrides.ts";
import { respondPlan } from "./response/plan.ts";
import { respondRead, type RestAnswer } from "./response/response.ts";
import { countLimitOf } from "./statement/count.ts";
import { gatherRows } from "./statement/one-by-one.ts";
import { renderRead, type ReadShape } from "./statement/read.ts";
import { resolvePage, type PageTarget } from "./target/page.ts";
import { nameTheRow } from "./target/precondition.ts";
import { isGrouped, resolveRead, showsWhole } from "./target/resolve.ts";
import type { RootTarget } from "./target/target.ts";
import { warningHeader } from "./target/warnings.ts";
import { execute, type Session } from "./transaction.ts";

/** How the entity-tag of the answer is had: from the body alone, from a digest besides, or not at all. */
type Tagging = "body" | "digest" | null;

/**
 * An answer about one row has an entity-tag. Where its body is the row as `*` shows it, the tag costs the database nothing; elsewhere it is made
 * when somebody is likely to want it: with an answer of one object, or a condition.
 */
function taggingOf({ media, conditions }: ApiRequest, target: RootTarget, isNamed: boolean): Tagging {
  if (media.plan !== null || isGrouped(target)) return null;
  if (!media.isSingle && !isNamed) return null;
  if (showsWhole(target) && media.isPlainJson) return "body";
  return media.isSingle || conditions !== NO_CONDITIONS ? "digest" : null;
}

function readShape(
  { media, wantsBody, preferences }: ApiRequest,
  { settings, limits }: RestContext,
  target: RootTarget,
  { tagging, page, isNamed }: { tagging: Tagging; page: PageTarget | null; isNamed: boolean },
): ReadShape {
  const wantsTotal = preferences.count !== null;
  const isPlain = media.isPlainJson && media.plan === null && page === null && !wantsTotal && tagging !== "digest";
  return {
    media,
    // HEAD tells what GET would, and a tag is made of what is shown.
    wantsBody: wantsBody || tagging !== null,
    wantsTotal,
    countLimit: countLimitOf(preferences, settings.countLimit),
    maxRows: limits.maxRows,
    wantsDigest: tagging === "digest",
    page,
    oneByOne: isNamed && isPlain && (wantsBody || tagging === "body") && !isGrouped(target),
  };
}

function nextPage({ query }: Session["request"], path: string, of: CursorOf, keys: string): string {
  return `<${path}?${withCursor(query, makeCursor(of, JSON.parse(keys) as Keys))}>; rel="next"`;
}

/** The answer under its conditions, with its tag. */
function tagged(
  request: ApiRequest,
  answer: RestAnswer,
  { rows: [row = []] }: StatementResult,
  tagging: Tagging,
): RestAnswer {
  const [count, body = null, , digest = null] = row;
  const isWhole = tagging === "body";
  const isOne = count === "1" && answer.status < 300;
  const known = isOne && isWhole ? shownRow(request.media, body ?? "") : digest;
  const checked = answerConditions(
    answer,
    isOne && known !== null ? { digest: known, isWhole } : null,
    request.conditions,
  );
  return request.wantsBody || checked.body === null ? checked : { ...checked, body: null };
}

/** GET and HEAD of a relation. */
export async function answerRead(request: ApiRequest, session: Session, context: RestContext): Promise<RestAnswer> {
  const target = resolveRead(request, session.catalog, context);
  refuseInvalid(request.preferences);
  const { query } = session.request;
  const of = { tenantId: context.tenantId, schema: target.relation.schema, relation: request.relation, query };
  const { cursor } = request.query;
  const page = cursor === null ? null : resolvePage(target, cursor, of);
  const isNamed = nameTheRow(request.query.filters, target.relation);
  const tagging = taggingOf(request, target, isNamed);
  const shape = readShape(request, context, target, { tagging, page, isNamed });
  const statement = renderRead(target, shape, writerOptions(context));
  const { result: found, overrides } = await execute(context, session, "read", statement);
  const result = shape.oneByOne ? gatherRows(request.media, found, shape.maxRows) : found;
  if (request.media.plan !== null) return respondPlan(request.media, result);
  const more: Record<string, string> = {
    "content-location": contentLocation(context.basePath, request.relation, query),
  };
  const warning = warningHeader(target);
  if (warning !== undefined) more["warning"] = warning;
  const next = result.rows[0]?.[4];
  if (typeof next === "string")
    more["link"] = nextPage(session.request, `${context.basePath}/${encodeURIComponent(request.relation)}`, of, next);
  const shown = request.wantsBody === shape.wantsBody ? request : { ...request, wantsBody: shape.wantsBody };
  const answer = respondRead(shown, result, shape.countLimit, more);
  return override(tagged(request, answer, result, tagging), overrides);
}
