import { OPERATION_ERRORS } from "./errors/operation.ts";
import { REQUEST_ERRORS } from "./errors/request.ts";

/**
 * Every refusal that Rowhouse can give, in one table. The code is stable: clients and scripts match on it.
 * `RHxyy`: x is the stage that refuses (1 which tenant, 2 who, 3 database, 4 operator input and schema, 5 archive,
 * 6 embedded server, 7 placement and moves, 9 bug). `PGRST…` codes keep PostgREST's meaning, since its clients parse them.
 * The SQL in `policies/` raises the same codes as SQLSTATEs. `docs/reference/errors.md` is checked against this table.
 */
export const ERRORS = { ...REQUEST_ERRORS, ...OPERATION_ERRORS };

export type ErrorKind = keyof typeof ERRORS;
export type ErrorCode = (typeof ERRORS)[ErrorKind]["code"];

export interface ErrorOptions {
  /** What happened, for this request; the table's title when left out. */
  message?: string;
  /** Facts about this occurrence. */
  details?: string;
  /** What to do about it. */
  hint?: string;
  /** Seconds after which it is worth trying again; an answer says so in Retry-After (RFC 9110 10.2.3). */
  retryAfter?: number;
  cause?: unknown;
}

/** A refusal: `kind` is its row in {@link ERRORS}, `code`, `status` and `exit` are copied from there. */
export class RowhouseError extends Error {
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly status: number;
  readonly exit: number;
  readonly details: string | null;
  readonly hint: string | null;
  /** Seconds. */
  readonly retryAfter: number | null;

  constructor(kind: ErrorKind, options: ErrorOptions = {}) {
    super(options.message ?? ERRORS[kind].title, { cause: options.cause });
    this.name = "RowhouseError";
    this.kind = kind;
    this.code = ERRORS[kind].code;
    this.status = ERRORS[kind].status;
    this.exit = ERRORS[kind].exit;
    this.details = options.details ?? null;
    this.hint = options.hint ?? null;
    this.retryAfter = options.retryAfter ?? null;
  }
}

const KIND_BY_CODE = new Map<string, ErrorKind>(
  Object.entries(ERRORS).map(([kind, facts]) => [facts.code, kind as ErrorKind]),
);

/** The row of {@link ERRORS} that has this code (or SQLSTATE), if any. */
export function errorKind(code: string | undefined): ErrorKind | undefined {
  return code === undefined ? undefined : KIND_BY_CODE.get(code);
}
