import type { Keyring } from "../db/keyring.ts";
import { makeScope, type Scope } from "../db/scope.ts";
import { TenantDisagreement } from "../tenant/resolve.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Actor } from "./desk.ts";

/** Whom a tenant's issuer names, before anybody has looked which user of the tenant that is. */
export interface Identity {
  readonly issuer: string;
  /** Its `sub`. */
  readonly subject: string;
  /** Null unless the issuer has verified it. */
  readonly email: string | null;
  readonly name: string | null;
  /** Unix seconds: the token's `iat`. */
  readonly issuedAt: number;
  /** Whether a user is made when there is none. */
  readonly mayCreate: boolean;
  /** Whether it may be an owner's address. */
  readonly mayBeOwner: boolean;
  /** Of a user that is made. */
  readonly defaultRole: string;
}

/** Who was authenticated, and in which tenant. */
export interface Principal {
  /** A `sub` of `service:…` is a program, any other a person. */
  readonly kind: "user" | "service";
  /** The token's `sub`. */
  readonly id: string;
  readonly tenantId: string;
  /** Membership role. */
  readonly role: string;
  /** The credential that the database looks at in every transaction (`ScopeFacts`); left out for tokens that carry their own proof. */
  readonly grant?: string | undefined;
  /** Whose user is yet to be found (`identities.ts`); until then the database lets the principal nowhere. */
  readonly identity?: Identity | undefined;
  /** Unix seconds: the token's `exp`. */
  readonly expiresAt: number;
  readonly jti: string | null;
  /** All that the verified token says, with the role that it grants. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The credential of a session, as `platform.admit()` takes it. Pure. @param id uuid */
export const sessionGrant = (id: string): string => `s${id.replaceAll("-", "").toLowerCase()}`;

/** The credential of who signs in elsewhere and is a user here. Pure. @param id uuid */
export const userGrant = (id: string): string => `u${id.replaceAll("-", "").toLowerCase()}`;

/** The credential of an operator who looks at the tenant as a member would. Pure. @param id uuid */
export const impersonationGrant = (id: string): string => `i${id.replaceAll("-", "").toLowerCase()}`;

/** The principal as it acts in its tenant, by its own credential. Pure. */
export const asActor = ({ id, role, grant }: Principal): Actor => ({ principal: id, role, grant });

/** A principal lives as long as its verified token is cached, and so does its scope. */
const scopes = new WeakMap<Principal, Scope>();

/**
 * The principal's scope in the tenant that was selected, worked out once per token and placement.
 * @throws TenantDisagreement: a principal has a scope in its own tenant and in no other
 */
export function scopeOf(principal: Principal, tenant: Tenant, keyring: Keyring): Scope {
  const known = scopes.get(principal);
  if (known !== undefined && known.tenantId === tenant.id && known.epoch === tenant.epoch) return known;
  if (principal.tenantId !== tenant.id) throw new TenantDisagreement({ host: tenant.id, token: principal.tenantId });
  const scope = makeScope({ tenantId: tenant.id, epoch: tenant.epoch, ...asActor(principal) }, keyring);
  scopes.set(principal, scope);
  return scope;
}
