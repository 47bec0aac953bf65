import type { ErrorKind } from "../errors.ts";
import { sendJson } from "./auth-answer.ts";
import { toRefusal } from "./problem.ts";
import type { RequestContext } from "./request-state.ts";

/** What supabase's clients call it (their `ErrorCode`); front ends match on these words. */
const CODES: Readonly<Partial<Record<ErrorKind, string>>> = {
  credentialsWrong: "invalid_credentials",
  passwordWeak: "weak_password",
  attemptsExceeded: "over_request_rate_limit",
  signUpClosed: "signup_disabled",
  refreshTokenUnknown: "refresh_token_not_found",
  refreshTokenReused: "refresh_token_already_used",
  linkInvalid: "otp_expired",
  emailUnconfirmed: "email_not_confirmed",
  emailTaken: "email_exists",
  userUnknown: "user_not_found",
  userInactive: "user_banned",
  sessionEnded: "session_not_found",
  permissionDenied: "not_admin",
  credentialsMissing: "no_authorization",
  tokenInvalid: "bad_jwt",
  claimsInvalid: "bad_jwt",
  bodyInvalid: "validation_failed",
  roleUnknown: "validation_failed",
  busy: "request_timeout",
  internal: "unexpected_failure",
};

/** `{code, error_code, msg}` as auth-js reads it, and our own code and hint besides. */
export function answerAuth(ctx: RequestContext, error: unknown): void {
  const refusal = toRefusal(error);
  const { kind, code, status, hint, details } = refusal;
  ctx.state.code = code;
  if (status === 401) ctx.set("WWW-Authenticate", "Bearer"); // RFC 9110 15.5.2
  sendJson(ctx, status, {
    code: status,
    error_code: CODES[kind] ?? kind.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    msg: refusal.message,
    hint,
    error_id: ctx.state.requestId,
    rowhouse_code: code,
    ...(kind === "passwordWeak" && { weak_password: { reasons: [details ?? "length"] } }),
  });
}
