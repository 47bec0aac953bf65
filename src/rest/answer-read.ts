import { writerOptions, type RestContext } from "./context.ts";
import type { ApiRequest } from "./request/request.ts";
import { respondRead, type RestAnswer } from "./response/response.ts";
import { renderRead } from "./statement/read.ts";
import { resolveRead } from "./target/resolve.ts";
import { execute, type Session } from "./transaction.ts";

/** GET and HEAD of a relation. */
export async function answerRead(request: ApiRequest, session: Session, context: RestContext): Promise<RestAnswer> {
  const { limits } = context;
  const target = resolveRead(request, session.catalog, limits);
  // A planner's estimate would tell of other tenants' rows: planned and estimated are answered exactly (threats.md, 5).
  const wantsTotal = request.preferences.count !== null;
  const shape = { media: request.media, wantsBody: request.wantsBody, wantsTotal, maxRows: limits.maxRows };
  const { result } = await execute(context, session, "read", renderRead(target, shape, writerOptions(context)));
  return respondRead(request, result);
}
