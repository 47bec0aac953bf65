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
  /** Membership role: `[a-z][a-z0-9_]*`. */
  readonly role: string;
}

/** {@link ScopeFacts} as PostgreSQL takes them. May be kept and used again: it holds nothing of a request. */
export interface Scope extends ScopeFacts {
  readonly context: string;
  readonly secret: Buffer;
}

const ROLE = /^[a-z][a-z0-9_]{0,62}$/;

/** Works out the context and its secret. Pure. */
export function makeScope(facts: ScopeFacts, keyring: Keyring): Scope {
  if (!ROLE.test(facts.role)) throw new TypeError(`Not a membership role: ${facts.role}`);
  const tenant = facts.tenantId.replaceAll("-", "");
  const principal = Buffer.from(facts.principal, "utf8").toString("hex");
  return { ...facts, context: `${tenant},${principal},${facts.role}`, secret: keyring.tenantSecret(facts.tenantId) };
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
