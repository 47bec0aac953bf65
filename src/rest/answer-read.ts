import { writerOptions, type RestContext } from "./context.ts";
import { refuseInvalid } from "./request/preferences.ts";
import type { ApiRequest } from "./request/request.ts";
import { contentLocation } from "./response/content-location.ts";
import { override } from "./response/overrides.ts";
import { respondPlan } from "./response/plan.ts";
import { respondRead, type RestAnswer } from "./response/response.ts";
import { countLimitOf } from "./statement/count.ts";
import { renderRead, type ReadShape } from "./statement/read.ts";
import { resolveRead } from "./target/resolve.ts";
import { warningHeader } from "./target/warnings.ts";
import { execute, type Session } from "./transaction.ts";

function readShape({ media, wantsBody, preferences }: ApiRequest, context: RestContext): ReadShape {
  return {
    media,
    wantsBody,
    wantsTotal: preferences.count !== null,
    countLimit: countLimitOf(preferences, context.settings.countLimit),
    maxRows: context.limits.maxRows,
  };
}

/** GET and HEAD of a relation. */
export async function answerRead(request: ApiRequest, session: Session, context: RestContext): Promise<RestAnswer> {
  const target = resolveRead(request, session.catalog, context);
  refuseInvalid(request.preferences);
  const shape = readShape(request, context);
  const statement = renderRead(target, shape, writerOptions(context));
  const { result, overrides } = await execute(context, session, "read", statement);
  if (request.media.plan !== null) return respondPlan(request.media, result);
  const more: Record<string, string> = {
    "content-location": contentLocation(context.basePath, request.relation, session.request.query),
  };
  const warning = warningHeader(target);
  if (warning !== undefined) more["warning"] = warning;
  return override(respondRead(request, result, shape.countLimit, more), overrides);
}
