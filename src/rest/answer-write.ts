import type { StatementResult } from "../db/statement.ts";
import { writerOptions, type RestContext, type RestLimits } from "./context.ts";
import { tellKey } from "./key-detail.ts";
import { refuseCursor } from "./request/cursor.ts";
import { readIdempotencyKey, type IdempotencyKey } from "./request/idempotency-key.ts";
import { refuseInvalid } from "./request/preferences.ts";
import type { ApiRequest } from "./request/request.ts";
import { tagWritten } from "./response/etag.ts";
import { override } from "./response/overrides.ts";
import { respondPlan } from "./response/plan.ts";
import { respondWrite } from "./response/respond-write.ts";
import type { RestAnswer } from "./response/response.ts";
import { renderWrite, type WriteShape } from "./statement/write.ts";
import { showsWhole } from "./target/resolve.ts";
import { resolveWrite } from "./target/resolve-write.ts";
import type { WriteTarget } from "./target/write-target.ts";
import { execute, markReplayed, type Session } from "./transaction.ts";

function answersOf({ preferences, verb, isPut }: ApiRequest): WriteShape["answers"] {
  if (preferences.return === "representation") return "body";
  return preferences.return === "headers-only" && verb === "insert" && !isPut ? "location" : "count";
}

function writeShape(request: ApiRequest, limits: RestLimits, idempotency: IdempotencyKey | null): WriteShape {
  const { media, preferences, verb, isPut } = request;
  const answers = answersOf(request);
  return {
    media,
    answers,
    asksNew: isPut ? answers === "body" : preferences.resolution === "merge-duplicates",
    wants: isPut ? "put" : media.isSingle ? "one" : "any",
    maxAffected: preferences.handling === "strict" && verb !== "insert" ? preferences.maxAffected : null,
    maxRows: Math.max(limits.maxRows, limits.maxInsertRows),
    idempotency,
  };
}

/** Whether the body is the one row that is there now. */
function showsTheRow(
  { media, preferences, verb, isPut }: ApiRequest,
  { read }: WriteTarget,
  { rows }: StatementResult,
): boolean {
  const isThere = (verb === "insert" || verb === "update") && !isPut;
  const isShown = preferences.return === "representation" && media.isPlainJson && showsWhole(read);
  return isThere && isShown && rows[0]?.[0] === "1";
}

function tagged({ media }: ApiRequest, answer: RestAnswer, { rows }: StatementResult): RestAnswer {
  return tagWritten(answer, media, rows[0]?.[1] ?? "");
}

/** POST, PUT, PATCH and DELETE of a relation. */
export async function answerWrite(request: ApiRequest, session: Session, context: RestContext): Promise<RestAnswer> {
  refuseCursor(request.query.cursor);
  const target = resolveWrite(request, session.catalog, context);
  refuseInvalid(request.preferences);
  const idempotency = request.media.plan === null ? readIdempotencyKey(session.request) : null;
  const statement = renderWrite(target, writeShape(request, context.limits, idempotency), writerOptions(context));
  const executed = await execute(context, { ...session, idempotency }, "write", statement).catch((error: unknown) => {
    tellKey(error, target, session.catalog);
    throw error;
  });
  const { result, overrides } = executed;
  if (request.media.plan !== null) return respondPlan(request.media, result);
  const answer = respondWrite(request, target, result, context.basePath);
  return markReplayed(
    override(showsTheRow(request, target, result) ? tagged(request, answer, result) : answer, overrides),
    executed,
  );
}
