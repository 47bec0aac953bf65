import { writerOptions, type RestContext, type RestLimits } from "./context.ts";
import type { ApiRequest } from "./request/request.ts";
import { respondWrite, type RestAnswer } from "./response/response.ts";
import type { WriteShape } from "./statement/refusal.ts";
import { renderWrite } from "./statement/write.ts";
import { resolveWrite } from "./target/resolve-write.ts";
import { execute, type Session } from "./transaction.ts";

function writeShape({ media, preferences, verb }: ApiRequest, limits: RestLimits): WriteShape {
  const isLocated = preferences.return === "headers-only" && verb === "insert";
  return {
    media,
    answers: preferences.return === "representation" ? "body" : isLocated ? "location" : "count",
    maxAffected: preferences.handling === "strict" ? preferences.maxAffected : null,
    maxRows: Math.max(limits.maxRows, limits.maxInsertRows),
  };
}

/** POST, PATCH and DELETE of a relation. */
export async function answerWrite(request: ApiRequest, session: Session, context: RestContext): Promise<RestAnswer> {
  const target = resolveWrite(request, session.catalog, context.limits);
  const statement = renderWrite(target, writeShape(request, context.limits), writerOptions(context));
  const { result } = await execute(context, session, "write", statement);
  return respondWrite(request, target, result, context.basePath);
}
