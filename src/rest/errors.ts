import { isDatabaseError } from "../db/transaction.ts";
import { ERRORS, RowhouseError, type ErrorKind } from "../errors.ts";
import { readRaised } from "./raised.ts";
import { detailWithoutTenant, hintWithoutTenant, withoutTenant } from "./sanitize.ts";
import { statusOf } from "./sqlstate.ts";
import { AmbiguousRelationship } from "./target/find-relationship.ts";
import { MissingName } from "./target/names.ts";

export interface RestErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details: string | object | null;
  readonly hint: string | null;
}

export interface RestError {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: RestErrorBody;
  /** Reason phrase (RFC 9112 4), where the app chose one. */
  readonly reason?: string | undefined;
}

/** What generated SQL raises by `platform.refuse()`: an SQLSTATE has five characters, and PostgREST's codes are longer. */
const RAISED: ReadonlyMap<string, ErrorKind> = new Map([
  ["RH112", "limitExceeded"],
  ["RH115", "putKeyDiffers"],
  ["RH116", "rowsNotSingle"],
  ["RH124", "maxAffectedExceeded"],
]);

/** Their DETAIL tells of processes and transactions of the whole server (40P01), or of its inside, and not of the request. */
const SERVERS_OWN = /^(40|XX)/;

/** The one 42501 that is not a missing right but a fault of the server (policies/context.sql). */
const NO_CONTEXT = "A statement ran without a tenant's context";

/** RFC 6750 3: no error code for a request without credentials; a description of printable ASCII without quotes otherwise. */
function challenge({ code, message }: RestErrorBody): string {
  if (code === ERRORS.credentialsMissing.code) return "Bearer";
  return `Bearer error="invalid_token", error_description="${message.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "")}"`;
}

function toError(status: number, body: RestErrorBody): RestError {
  const headers: Record<string, string> = {
    "content-type": "application/json; charset=utf-8",
    // RFC 9209 2: a token. An app may raise a code of other letters.
    "proxy-status": `PostgREST; error=${body.code.replaceAll(/[^\w!#$%&'*+.^`|~:/-]/g, "")}`,
  };
  if (status === 401) headers["www-authenticate"] = challenge(body);
  // postgrest-js tries a 503 again, and keeps to this.
  if (status === 503) headers["retry-after"] = "1";
  const { code, details, hint, message } = body;
  // In the order of PostgREST's bytes, which sort the keys.
  return { status, headers, body: { code, details, hint, message } };
}

function fromKind(kind: ErrorKind, message: string, details: string | object | null, hint: string | null): RestError {
  const { code, status, title } = ERRORS[kind];
  // What went wrong on our side, and what to do about it, is for the operator's log; what the app's own SQL did wrong is for its author.
  if (status >= 500 && status !== 501 && !code.startsWith("PGRST1"))
    return toError(status, { code, message: title, details: null, hint: null });
  return toError(status, { code, message, details, hint });
}

interface DatabaseProblem {
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** `raise sqlstate 'PGRST'` says everything itself. */
function fromRaised({ message, detail }: DatabaseProblem, tenantId: string | undefined): RestError {
  const raised = readRaised(message, detail);
  const error = toError(raised.status, {
    code: raised.code,
    message: withoutTenant(raised.message, tenantId),
    details: raised.details === null ? null : detailWithoutTenant(raised.details, tenantId),
    hint: raised.hint === null ? null : hintWithoutTenant(raised.hint, tenantId),
  });
  // PostgREST adds none of its own to these.
  delete error.headers["www-authenticate"];
  return { ...error, headers: { ...error.headers, ...raised.headers }, reason: raised.reason ?? undefined };
}

function fromDatabase(error: DatabaseProblem, tenantId: string | undefined): RestError {
  const { code, message } = error;
  if (code === "PGRST") return fromRaised(error, tenantId);
  const told = SERVERS_OWN.test(code) ? undefined : error.detail;
  const details = told === undefined ? null : detailWithoutTenant(told, tenantId);
  const hint = error.hint === undefined ? null : hintWithoutTenant(error.hint, tenantId);
  const raised = RAISED.get(code);
  if (raised !== undefined) return fromKind(raised, message, details === "" ? null : details, hint);
  if (code === "42501" && message === NO_CONTEXT) return fromKind("contextMissing", message, null, null);
  const shown = withoutTenant(message, tenantId);
  const status = statusOf(code, message);
  const answer = toError(status, { code, message: shown, details, hint });
  // RFC 6750: the token is good, and what SQL refused is not for its holder.
  if (status === 401) answer.headers["www-authenticate"] = "Bearer";
  return answer;
}

function detailsOf(error: RowhouseError): string | object | null {
  return error instanceof AmbiguousRelationship ? error.candidates : error.details;
}

/** What a role may not do. */
const DENIALS: ReadonlySet<string> = new Set([ERRORS.permissionDenied.code, ERRORS.deletedForbidden.code, "42501"]);

/**
 * The refusal of somebody who is nobody: a token may be all that is missing (RFC 9110 15.5.2), so it is asked for, as PostgREST does.
 * Pure.
 */
export function askForToken(error: RestError): RestError {
  if (error.status !== 403 || !DENIALS.has(error.body.code)) return error;
  return { ...error, status: 401, headers: { ...error.headers, "www-authenticate": "Bearer" } };
}

/**
 * Whatever went wrong in a request, as PostgREST's clients expect it. Names no `tenant_id`, and of a fault of our own nothing but
 * that there was one.
 * @param tenantId of the tenant that asked, when that is known: no text shows it
 */
export function restError(error: unknown, tenantId?: string): RestError {
  try {
    return explain(error, tenantId);
  } catch (malformed) {
    return explain(malformed, tenantId);
  }
}

function explain(error: unknown, tenantId: string | undefined): RestError {
  if (error instanceof MissingName)
    return toError(error.status, { code: error.sqlstate, message: error.message, details: null, hint: error.hint });
  if (error instanceof RowhouseError) return fromKind(error.kind, error.message, detailsOf(error), error.hint);
  if (isDatabaseError(error)) return fromDatabase(error as unknown as DatabaseProblem, tenantId);
  return fromKind("internal", ERRORS.internal.title, null, null);
}
