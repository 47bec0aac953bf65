import type { JWTPayload } from "jose";
import { refuseClaims } from "./claims.ts";
import { BUILT_IN_ROLES } from "./roles.ts";
import type { TrustedIssuer } from "./trusted-issuers.ts";

/** Groups of one person; directories have put more than a hundred into a token. */
const MAX_VALUES = 500;

type Mapping = Pick<TrustedIssuer, "roleClaim" | "roles" | "defaultRole" | "allowsOwner">;

/**
 * The claim of a name, which may have dots of its own (`https://acme.example/roles`, as Auth0 wants it), or else the way to it by dots
 * (`realm_access.roles` of Keycloak).
 */
function claimAt(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let found: unknown = claims;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

function valuesOf(claim: unknown): string[] {
  const all: unknown[] = Array.isArray(claim) ? claim.slice(0, MAX_VALUES) : [claim];
  return all.filter((value) => typeof value === "string");
}

/**
 * The membership role that an issuer gives by its claim: of several built-in ones that which may most, a role of the tenant's own only by
 * the registration's mapping, and owner only where the registration allows it. Pure.
 * @throws RowhouseError claimsInvalid when it names several of the tenant's own roles and no built-in one
 */
export function issuedRole(claims: JWTPayload, { roleClaim, roles, defaultRole, allowsOwner }: Mapping): string {
  if (roleClaim === null) return defaultRole;
  const isMapped = Object.keys(roles).length > 0;
  const values = valuesOf(claimAt(claims, roleClaim));
  const named = isMapped
    ? values.flatMap((value) => (Object.hasOwn(roles, value) ? [roles[value]!] : []))
    : values.filter((value) => BUILT_IN_ROLES.includes(value));
  const found = new Set(named.filter((role) => role !== "owner" || allowsOwner));
  const builtIn = BUILT_IN_ROLES.find((role) => found.has(role));
  if (builtIn !== undefined) return builtIn;
  if (found.size > 1) throw refuseClaims(`The claim ${roleClaim} names several roles of the tenant's own`);
  return [...found][0] ?? defaultRole;
}
