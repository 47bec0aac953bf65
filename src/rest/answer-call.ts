import type { Catalog, Routine } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import { allowsTx, writerOptions, type RestContext } from "./context.ts";
import { parseCall, type CallRequest } from "./request/call.ts";
import { refuseCursor } from "./request/cursor.ts";
import { readIdempotencyKey, type IdempotencyKey } from "./request/idempotency-key.ts";
import { checkQuery } from "./request/limits.ts";
import type { RestRequest } from "./request/request.ts";
import { respondAllow } from "./response/options.ts";
import { override } from "./response/overrides.ts";
import { respondCall } from "./response/respond-call.ts";
import type { RestAnswer } from "./response/response.ts";
import { renderCall, type CallShape } from "./statement/call.ts";
import { findRoutine } from "./target/find-routine.ts";
import { resolveCall } from "./target/resolve-call.ts";
import { execute, markReplayed } from "./transaction.ts";

/** A planner's guess is no count of rows, and there is none of what a function will return. */
function callShape(
  { preferences, wantsBody }: CallRequest,
  { limits }: RestContext,
  idempotency: IdempotencyKey | null,
): CallShape {
  const { count, handling, maxAffected } = preferences;
  return {
    wantsBody,
    wantsTotal: count === "exact" || count === "estimated",
    maxAffected: handling === "strict" ? maxAffected : null,
    maxRows: limits.maxRows,
    idempotency,
  };
}

/** The methods that a function takes. Without arguments in the query string any of its name will do, as long as one may be read. */
function answerOptions(call: CallRequest, catalog: Catalog): RestAnswer {
  const named = call.keys.length === 0 ? (catalog.routines.get(call.name) ?? []) : [];
  const found = named.length > 0 ? named : [findRoutine(catalog, call)];
  const isRead = found.some(({ volatility }) => volatility !== "volatile");
  return respondAllow(isRead ? ["OPTIONS", "GET", "HEAD", "POST"] : ["OPTIONS", "POST"]);
}

/**
 * Tables decide for themselves what a function reads and writes for whom. What one does besides its tables is for members alone, unless its
 * author says otherwise.
 * @throws RowhouseError permissionDenied
 */
function refuseAnonymous(routine: Routine, { claims }: RestContext): void {
  if (claims?.["role"] !== "anonymous" || routine.isOpen === true) return;
  const name = `${routine.schema}.${routine.name}`;
  throw new RowhouseError("permissionDenied", {
    message: `The role anonymous may not call ${name}`,
    details: `Missing permission: call of ${name}`,
    hint: "Sign in, or send a key.",
  });
}

/**
 * `/rpc/<name>`: calls a function. By GET and HEAD it can only read, and so can one that says it never writes.
 * @throws RowhouseError of the stages 1 and 2; DatabaseError
 */
export async function answerCall(
  request: RestRequest,
  name: string,
  catalog: Catalog,
  context: RestContext,
): Promise<RestAnswer> {
  const call = parseCall(request, name, allowsTx(context.settings));
  if (request.method === "OPTIONS") return answerOptions(call, catalog);
  checkQuery(call.query, context.limits);
  refuseCursor(call.query.cursor);
  context.clock?.lap("parse");
  const target = resolveCall(call, catalog, context);
  refuseAnonymous(target.routine, context);
  const { volatility, settings } = target.routine;
  const access = call.isPost && volatility === "volatile" ? "write" : "read";
  const mayKeep = access === "write" && target.media.plan === null;
  const idempotency = mayKeep ? readIdempotencyKey(request) : null;
  const statement = renderCall(target, callShape(call, context, idempotency), writerOptions(context));
  const session = {
    request,
    catalog,
    preferences: call.preferences,
    deleted: call.query.deleted,
    settings,
    idempotency,
  };
  const executed = await execute(context, session, access, statement);
  return markReplayed(override(respondCall(call, target, executed.result), executed.overrides), executed);
}
