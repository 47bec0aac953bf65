import type { JWTPayload } from "jose";
import { ROLE_NAME } from "../db/scope.ts";
import { RowhouseError } from "../errors.ts";
import { UUID } from "../db/uuid.ts";
import { CLOCK_TOLERANCE } from "./algorithms.ts";
import { impersonationGrant, sessionGrant, type Principal } from "./principal.ts";

/** Claims that every token must carry (threats.md, H03). */
export const REQUIRED_CLAIMS = ["iss", "aud", "exp", "iat", "sub", "tenant"];

/** What a token without a `role` may do: the least. */
const DEFAULT_ROLE = "viewer";
/** Printable; 255 characters as OpenID Connect Core 5.1 has it. */
const SUBJECT = /^[^\p{C}]{1,255}$/u;
/** Names under which the platform, API keys and nobody in particular act (`platform.admit()`); no token may. */
const RESERVED = /^(?:platform:|key:|anonymous$)/;

/** The refusal of a verified token for what it says: claimsInvalid. */
export function refuseClaims(message: string, hint?: string): RowhouseError {
  return new RowhouseError("claimsInvalid", { message, hint });
}

/** @throws RowhouseError claimsInvalid */
export function checkSubject(sub: unknown): string {
  if (typeof sub !== "string" || !SUBJECT.test(sub))
    throw refuseClaims("The claim sub is not 1 to 255 printable characters");
  if (RESERVED.test(sub))
    throw refuseClaims("The claim sub names what acts without a token", "Not platform:…, key:… or anonymous.");
  return sub;
}

/** @throws RowhouseError claimsInvalid */
export function checkRole(role: unknown): string {
  if (role === undefined) return DEFAULT_ROLE;
  if (typeof role === "string" && ROLE_NAME.test(role)) return role;
  throw refuseClaims(
    "The claim role is not a membership role",
    "Lower-case letters, digits and underscores, as in: admin",
  );
}

/** @throws RowhouseError claimsInvalid */
export function checkTenantClaim(tenant: unknown): string {
  if (typeof tenant === "string" && UUID.test(tenant)) return tenant.toLowerCase();
  throw refuseClaims("The claim tenant is not a tenant's id", "It is the uuid that `rowhouse tenant show` prints.");
}

/** What jose leaves open: that the token was not made in the future, and that it does not live too long. Unix seconds. @throws RowhouseError claimsInvalid */
export function checkLifetime({ iat = NaN, exp = NaN }: JWTPayload, maxLifetime: number, now: number): void {
  if (iat > now + CLOCK_TOLERANCE) throw refuseClaims("JWT issued at future");
  if (exp - iat <= maxLifetime) return;
  throw refuseClaims("JWT lives too long", `From iat to exp at most ${maxLifetime / 3600} hours.`);
}

/**
 * The principal that verified claims name. Signature, `iss`, `aud`, `exp` and `nbf` were checked before.
 * @throws RowhouseError claimsInvalid
 */
export function readPrincipal(claims: JWTPayload, maxLifetime: number, now = Date.now() / 1000): Principal {
  checkLifetime(claims, maxLifetime, now);
  const id = checkSubject(claims.sub);
  const role = checkRole(claims["role"]);
  return Object.freeze<Principal>({
    kind: id.startsWith("service:") ? "service" : "user",
    id,
    tenantId: checkTenantClaim(claims["tenant"]),
    role,
    expiresAt: claims.exp!,
    jti: typeof claims.jti === "string" ? claims.jti : null,
    claims: Object.freeze({ ...claims, role }),
  });
}

/**
 * A token of a sign-in is good for as long as its session is, one of an impersonation for as long as that is, and the database looks at
 * it in every transaction.
 * @throws RowhouseError claimsInvalid
 */
export function withSession(principal: Principal): Principal {
  const { session_id: session, impersonation_id: impersonation } = principal.claims;
  if (impersonation !== undefined) {
    if (typeof impersonation !== "string" || !UUID.test(impersonation) || session !== undefined)
      throw refuseClaims("The claim impersonation_id is not an impersonation's id");
    return Object.freeze({ ...principal, grant: impersonationGrant(impersonation) });
  }
  if (session === undefined) return principal;
  if (typeof session !== "string" || !UUID.test(session))
    throw refuseClaims("The claim session_id is not a session's id");
  return Object.freeze({ ...principal, grant: sessionGrant(session) });
}
