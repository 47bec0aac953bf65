import type { Denials } from "../audit/denials.ts";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { Log } from "../log.ts";
import { askForToken, restError } from "../rest/errors.ts";
import { answerAuth } from "./auth-errors.ts";
import { recordDisagreement } from "./disagreement.ts";
import { sendPage, type Page } from "./page.ts";
import { toProblem, toRefusal, type Problem } from "./problem.ts";
import type { Middleware, RequestContext } from "./request-state.ts";
import { isAuthPath, isRestPath } from "./router.ts";

export interface ErrorAnswers {
  readonly log: Log;
  readonly denials: Denials;
  /** Whether refusals under /rest/v1 tell their code and message alone. */
  readonly verbosity: "verbose" | "minimal";
  /** What a browser shows. */
  readonly refusalPage: (problem: Problem) => Page;
}

/** Paths of machines answer machines, whatever they accept. What mails link to is opened by people. */
const MACHINE_PATH =
  /^\/(rest|auth(?!\/v1\/verify$)|platform|\.well-known)(\/|$)|^\/(openapi\.json|tenant\.json|healthz|readyz|metrics)$/;
const isForPeople = (ctx: RequestContext) => !MACHINE_PATH.test(ctx.path) && ctx.accepts("json", "html") === "html";

const QUIET = new Set([
  "busy",
  "notReady",
  "tenantMoved",
  "statementTimeout",
  "featureUnsupported",
  "tenantFenced",
  "tenantArriving",
  "databaseVersion",
  "issuerUnavailable",
]);

/** Failures of ours, with their cause. A refusal of the client's doing is told by the request's own line. */
function logFailure(log: Log, { state }: RequestContext, error: unknown, status: number): void {
  if (status < 500 || (error instanceof RowhouseError && QUIET.has(error.kind))) return;
  const cause = error instanceof RowhouseError && error.cause !== undefined ? error.cause : error;
  const { name, message, stack } =
    cause instanceof Error ? cause : { name: typeof cause, message: String(cause), stack: undefined };
  const code = isDatabaseError(cause) ? cause.code : undefined;
  log.error(
    { tenant: state.slug, request_id: state.requestId, err: { type: name, code, message, stack } },
    "request failed",
  );
}

function answerRest(ctx: RequestContext, error: unknown, verbosity: ErrorAnswers["verbosity"]): void {
  const refusal = restError(error, ctx.state.tenantId);
  const { status, headers, body, reason } = ctx.state.isAnonymous ? askForToken(refusal) : refusal;
  ctx.status = status;
  if (reason !== undefined && reason !== "") ctx.message = reason;
  ctx.state.code = body.code;
  ctx.set("Content-Type", "application/json; charset=utf-8");
  ctx.set(headers);
  // PostgREST, client-error-verbosity.
  ctx.body = JSON.stringify(body, verbosity === "minimal" ? ["code", "message"] : null);
}

function answerProblem(ctx: RequestContext, error: unknown, refusalPage: ErrorAnswers["refusalPage"]): void {
  const problem = toProblem(toRefusal(error), ctx.state.requestId);
  ctx.status = problem.status;
  ctx.state.code = problem.code;
  if (isForPeople(ctx)) {
    sendPage(ctx, refusalPage(problem), problem.status);
    return;
  }
  ctx.set("Content-Type", "application/problem+json");
  ctx.body = JSON.stringify(problem);
}

/**
 * Turns whatever is thrown further in into an answer: PostgREST's shape under /rest/v1, a page for a browser, else a problem
 * document.
 */
export function answerErrors({ log, denials, refusalPage, verbosity }: ErrorAnswers): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      await recordDisagreement(denials, error, ctx.state);
      if (isRestPath(ctx.path)) answerRest(ctx, error, verbosity);
      else if (isAuthPath(ctx.path) && !isForPeople(ctx)) answerAuth(ctx, error);
      else answerProblem(ctx, error, refusalPage);
      logFailure(log, ctx, error, ctx.status);
      if (error instanceof RowhouseError && error.retryAfter !== null) ctx.set("Retry-After", String(error.retryAfter));
      else if (ctx.status === 503 && ctx.response.get("Retry-After") === "") ctx.set("Retry-After", "1");
      // What is left of a body would have to be read to its end to keep the connection.
      if (!ctx.req.complete) ctx.set("Connection", "close");
    }
  };
}
