import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload } from "jose";
import { RowhouseError } from "../errors.ts";
import { MAX_TOKEN_LENGTH } from "./algorithms.ts";
import { refuseClaims } from "./claims.ts";

/** What a token says of itself. Nothing in it is verified. */
export interface UnverifiedToken {
  readonly alg: unknown;
  /** Lower case, without `application/`; empty when it says nothing. */
  readonly type: string;
  readonly kid: unknown;
  /** Names of all parameters of the header. */
  readonly parameters: readonly string[];
  readonly claims: JWTPayload;
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** The refusal of a token that proves nothing: tokenInvalid (401). What it says when it proves something is `refuseClaims`'s. */
export function refuseToken(message: string, cause?: unknown): RowhouseError {
  return new RowhouseError("tokenInvalid", { message, cause });
}

/** @throws RowhouseError tokenInvalid for what is no signed JWT (RFC 7519 7.2) */
export function readUnverified(token: string): UnverifiedToken {
  if (token.length > MAX_TOKEN_LENGTH) throw refuseToken(`The token is longer than ${MAX_TOKEN_LENGTH} characters`);
  if (!COMPACT.test(token)) throw refuseToken("Expected a JWT of 3 parts, signed");
  let header: Record<string, unknown>;
  let claims: JWTPayload;
  try {
    header = decodeProtectedHeader(token);
  } catch (cause) {
    throw refuseToken("The token's header can't be read", cause);
  }
  try {
    claims = decodeJwt(token);
  } catch (cause) {
    throw refuseToken("The token's claims can't be read", cause);
  }
  const { alg, typ, kid } = header;
  const type = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : typ === undefined ? "" : "?";
  return { alg, type, kid, parameters: Object.keys(header), claims };
}

/** PostgREST's words where it has some: clients show them. */
const CLAIM_PROBLEMS: Readonly<Record<string, string>> = {
  aud: "JWT not in audience",
  iss: "JWT issuer not accepted",
  nbf: "JWT not yet valid",
};

/** An error of jose as the refusal that it comes to; any other as it is. */
export function explainJose(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return refuseClaims("JWT expired", "Get a new token.");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === "missing") return refuseClaims(`The claim ${error.claim} is missing`);
    return refuseClaims(CLAIM_PROBLEMS[error.claim] ?? `The claim ${error.claim} is not accepted`);
  }
  return error instanceof errors.JOSEError ? refuseToken("JWT cryptographic operation failed", error) : error;
}
