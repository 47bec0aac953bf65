import type { JWTPayload } from "jose";
import { checkLifetime, checkSubject, refuseClaims } from "./claims.ts";
import { issuedRole } from "./issued-role.ts";
import { ISSUER_KINDS } from "./issuer-algorithms.ts";
import { userGrant, type Identity, type Principal } from "./principal.ts";
import type { TrustedIssuer } from "./trusted-issuers.ts";

/** No user has it: until somebody looks the user up, the database lets nobody in. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/** Strings and booleans both (OpenID Connect Core 5.1 has booleans; Amazon's and Apple's tokens say "true"). */
const isTrue = (claim: unknown) => claim === true || claim === "true";

function identityOf(claims: JWTPayload, issuer: TrustedIssuer, subject: string): Identity {
  const { email, email_verified: verified, name } = claims;
  return Object.freeze<Identity>({
    issuer: issuer.issuer,
    subject,
    // An address that the issuer did not verify is whatever its user typed, and finds nobody.
    email: typeof email === "string" && isTrue(verified) ? email : null,
    name: typeof name === "string" && name.trim() !== "" ? name.trim().slice(0, 200) : null,
    issuedAt: claims.iat!,
    mayCreate: issuer.users === "create",
    mayBeOwner: issuer.allowsOwner,
    defaultRole: issuer.defaultRole,
  });
}

/**
 * The principal that the verified claims of a tenant's issuer name: its subject under the issuer's id, so that no issuer speaks of another's
 * people, or somebody who is yet to be found among the tenant's users.
 * @throws RowhouseError claimsInvalid
 */
export function readIssued(claims: JWTPayload, issuer: TrustedIssuer, now = Date.now() / 1000): Principal {
  const { tenantId } = issuer;
  checkLifetime(claims, ISSUER_KINDS[issuer.kind].maxLifetime, now);
  const subject = checkSubject(claims.sub);
  const { tenant } = claims;
  if (tenant !== undefined && (typeof tenant !== "string" || tenant.toLowerCase() !== tenantId))
    throw refuseClaims("The claim tenant is not this tenant's id", "Leave it out: the address names the tenant.");
  const isUser = issuer.users !== "none";
  const id = `${issuer.id}:${subject}`;
  const role = isUser ? "viewer" : issuedRole(claims, issuer);
  return Object.freeze<Principal>({
    kind: "user",
    id,
    tenantId,
    role,
    ...(isUser && { grant: userGrant(NOBODY), identity: identityOf(claims, issuer, subject) }),
    expiresAt: claims.exp!,
    jti: typeof claims.jti === "string" ? claims.jti : null,
    claims: Object.freeze({ ...claims, sub: id, role, tenant: tenantId }),
  });
}
