import { makeScope, withRequestId, type ScopeFacts } from "../db/scope.ts";
import type { Keyring } from "../db/keyring.ts";
import type { Statement } from "../db/statement.ts";
import { isDatabaseError, runScoped } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { ReachTenant } from "../tenant/reach.ts";
import type { Tenant } from "../tenant/tenant.ts";

/** Who does it, for the audit trail; with a grant, `platform.admit()` looks first whether it still holds. */
export type Actor = Pick<ScopeFacts, "principal" | "role" | "grant">;

/**
 * Runs statements of the control plane as one tenant, in one transaction and one round trip, where the tenant lives.
 * @returns of each statement its rows; each row is one column of JSON, parsed
 * @throws RowhouseError as `platform.enter()` and the SQL raise it; emailTaken for a second user of an address
 */
export type Desk = (actor: Actor, access: "read" | "write", statements: readonly Statement[]) => Promise<unknown[][]>;

export interface DeskSources {
  /** Connections of rowhouse_platform. */
  readonly reach: ReachTenant;
  readonly keyring: Keyring;
}

export interface DeskOptions {
  readonly requestId?: string | undefined;
  /** For requests: the control plane goes on working in a suspended tenant, and what a request wants of it must not. */
  readonly isRequest?: boolean;
}

/** Nobody who is known yet. */
export const ANYBODY: Actor = { principal: "anonymous", role: "anonymous" };

const ACTIVE: Statement = {
  name: "rowhouse_auth_active",
  text: `select case when t.status = 'active' then true
      else platform.refuse('RH103', 'The tenant is suspended', '') end
    from platform.tenants t where t.id = platform.current_tenant()`,
  values: [],
};

function explain(error: unknown): unknown {
  // 23505 of users (tenant_id, email)
  if (isDatabaseError(error) && error.code === "23505" && error.table === "users")
    return new RowhouseError("emailTaken", { cause: error });
  if (isDatabaseError(error) && error.constraint === "users_custom_check")
    return new RowhouseError("bodyInvalid", { message: "data holds more than 65536 bytes", cause: error });
  return error;
}

/** The control plane in one tenant. Opens nothing by itself: each call borrows a connection where the tenant lives then. */
export function openDesk({ reach, keyring }: DeskSources, tenant: Tenant, options: DeskOptions = {}): Desk {
  const before = options.isRequest === true ? [ACTIVE] : [];
  return async (actor, access, statements) => {
    const results = await reach(tenant, access, (connections, epoch) => {
      const scope = makeScope({ tenantId: tenant.id, epoch, ...actor }, keyring);
      const own = options.requestId === undefined ? scope : withRequestId(scope, options.requestId);
      return runScoped(connections, own, access, [...before, ...statements]);
    }).catch((error: unknown) => {
      throw explain(error);
    });
    return results
      .slice(before.length)
      .map(({ rows }) =>
        rows.map(([text]): unknown => (text === null || text === undefined ? null : JSON.parse(text))),
      );
  };
}

/** A statement of {@link Desk}. */
export const statement = (text: string, ...values: Statement["values"]): Statement => ({ text, values });
