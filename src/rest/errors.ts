import { isDatabaseError } from "../db/transaction.ts";
import { ERRORS, RowhouseError, type ErrorKind } from "../errors.ts";
import { withoutTenant } from "./sanitize.ts";
import { statusOf } from "./sqlstate.ts";
import { AmbiguousRelationship } from "./target/find-relationship.ts";
import { MissingColumn } from "./target/names.ts";

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
}

/** What generated SQL raises by `platform.refuse()`: an SQLSTATE has five characters, and PostgREST's codes are longer. */
const RAISED: ReadonlyMap<string, ErrorKind> = new Map([
  ["RH112", "limitExceeded"],
  ["RH116", "rowsNotSingle"],
  ["RH124", "maxAffectedExceeded"],
]);

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
    "proxy-status": `PostgREST; error=${body.code}`,
  };
  if (status === 401) headers["www-authenticate"] = challenge(body);
  // postgrest-js tries a 503 again, and keeps to this.
  if (status === 503) headers["retry-after"] = "1";
  return { status, headers, body };
}

function fromKind(kind: ErrorKind, message: string, details: string | object | null, hint: string | null): RestError {
  const { code, status, title } = ERRORS[kind];
  // What went wrong on our side, and what to do about it, is for the operator's log.
  if (status >= 500 && status !== 501) return toError(status, { code, message: title, details: null, hint: null });
  return toError(status, { code, message, details, hint });
}

function fromDatabase(error: { code: string; message: string; detail?: string; hint?: string }): RestError {
  const { code, message } = error;
  const details = error.detail === undefined ? null : withoutTenant(error.detail);
  const hint = error.hint === undefined ? null : withoutTenant(error.hint);
  const raised = RAISED.get(code);
  if (raised !== undefined) return fromKind(raised, message, details, hint);
  if (code === "42501" && message === NO_CONTEXT) return fromKind("contextMissing", message, null, null);
  return toError(statusOf(code), { code, message: withoutTenant(message), details, hint });
}

function detailsOf(error: RowhouseError): string | object | null {
  return error instanceof AmbiguousRelationship ? error.candidates : error.details;
}

/**
 * Whatever went wrong in a request, as PostgREST's clients expect it. Names no `tenant_id`, and of a fault of our own nothing but
 * that there was one.
 */
export function restError(error: unknown): RestError {
  if (error instanceof MissingColumn)
    return toError(error.status, { code: error.sqlstate, message: error.message, details: null, hint: error.hint });
  if (error instanceof RowhouseError) return fromKind(error.kind, error.message, detailsOf(error), error.hint);
  if (isDatabaseError(error)) return fromDatabase(error as Parameters<typeof fromDatabase>[0]);
  return fromKind("internal", ERRORS.internal.title, null, null);
}
