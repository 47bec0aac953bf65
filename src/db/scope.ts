import type { Keyring } from "./keyring.ts";
import type { Statement } from "./statement.ts";

/** Whom a transaction runs for. */
export interface ScopeFacts {
  /** uuid */
  readonly tenantId: string;
  /** Version of the tenant's placement, a bigint's digits. */
  readonly epoch: string;
  /** Who was authenticated: the token's `sub`, or `platform:<who>` for the command. */
  readonly principal: string;
  /** Membership role: `[a-z][a-z0-9_]*`. With a grant, the database puts the one in its place that the credential has now. */
  readonly role: string;
  /**
   * The credential that the principal came by, which `platform.admit()` looks at in every transaction: `s` and a session's id, `i` and
   * an impersonation's, `u` and a user's (32 hex digits), or `k` and the SHA-256 of an API key (64). Left out for tokens that carry their own proof.
   */
  readonly grant?: string | undefined;
}

/** {@link ScopeFacts} as PostgreSQL takes them. May be kept and used again: it holds nothing of a request. */
export interface Scope extends ScopeFacts {
  readonly context: string;
  readonly secret: Buffer;
}

/** Name of a membership role. */
export const ROLE_NAME = /^[a-z][a-z0-9_]{0,62}$/;
const GRANT = /^(?:[siu][0-9a-f]{32}|k[0-9a-f]{64})$/;

/** Works out the context and its secret. Pure. */
export function makeScope(facts: ScopeFacts, keyring: Keyring): Scope {
  const { role, grant } = facts;
  if (!ROLE_NAME.test(role)) throw new TypeError(`Not a membership role: ${role}`);
  if (grant !== undefined && !GRANT.test(grant)) throw new TypeError("Not a grant");
  const tenant = facts.tenantId.replaceAll("-", "");
  const principal = Buffer.from(facts.principal, "utf8").toString("hex");
  const context = `${tenant},${principal},${role}${grant === undefined ? "" : `,${grant}`}`;
  return { ...facts, context, secret: keyring.tenantSecret(facts.tenantId) };
}

/**
 * The scope with the request's id in it, which the audit events of a write carry. For a single transaction: a kept scope holds nothing of
 * a request. Pure.
 */
export function withRequestId(scope: Scope, requestId: string): Scope {
  const id = Buffer.from(requestId, "utf8").toString("hex");
  return { ...scope, context: `${scope.context}${scope.grant === undefined ? ",," : ","}${id}` };
}

/**
 * The one statement that gives a transaction its tenant; see `policies/context.sql`. Everything that it sets is local to the
 * transaction. No other file may write the context (`test/architecture.test.ts`).
 */
export function enterStatement(scope: Scope, access: "read" | "write"): Statement {
  return {
    name: "rowhouse_enter",
    text: "select platform.enter($1, $2, $3, $4)",
    values: [scope.context, scope.secret, scope.epoch, access === "write" ? "true" : "false"],
  };
}
