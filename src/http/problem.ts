import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";

/** A problem document, RFC 9457, with the members that our errors have besides. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string | null;
  readonly hint: string | null;
  readonly request_id: string;
}

/** The refusal that an error stands for. What is not meant for clients becomes `internal`, without a word of its text. Pure. */
export function toRefusal(error: unknown): RowhouseError {
  if (error instanceof RowhouseError) return error;
  // 57014: canceled, here by statement_timeout.
  if (isDatabaseError(error) && error.code === "57014") return new RowhouseError("statementTimeout", { cause: error });
  const hint = "Its operator finds the reason in the log, by the request id.";
  return new RowhouseError("internal", { hint, cause: error });
}

/** Pure. `type` only names the kind of problem (RFC 9457 3.1.1: it need not lead anywhere); docs/reference/errors.md tells more. */
export function toProblem(refusal: RowhouseError, requestId: string): Problem {
  return {
    type: `urn:rowhouse:error:${refusal.code}`,
    title: refusal.message,
    status: refusal.status,
    code: refusal.code,
    detail: refusal.details,
    hint: refusal.hint,
    request_id: requestId,
  };
}
