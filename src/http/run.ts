import type { Principal } from "../auth/principal.ts";
import { scopeOf } from "../auth/principal.ts";
import type { Waiter } from "../db/cancel.ts";
import type { Connections } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import { makeScope, withRequestId, type Scope } from "../db/scope.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import type { ReadAnonymously } from "../tenant/brand.ts";
import type { ReachTenant } from "../tenant/reach.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { RequestContext } from "./request-state.ts";

/** How statements reach the database: `runScoped`, or another way that a benchmark compares with it. */
export type Run = (
  connections: Connections,
  scope: Scope,
  access: "read" | "write",
  statements: readonly Statement[],
  waiter?: Waiter,
) => Promise<StatementResult[]>;

export interface Runner {
  readonly run: Run;
  readonly reach: ReachTenant;
  readonly keyring: Keyring;
}

export interface Granted {
  readonly principal: Principal;
  readonly tenant: Tenant;
  /** A second credential that has to hold as well. */
  readonly besides: Principal | null;
}

/** Its client. An answer that is closed before there is one has lost its connection. */
function waiterOf({ req: { socket }, res }: RequestContext): Waiter {
  return {
    isGone: () => socket.destroyed,
    onGone: (listener) => {
      res.once("close", listener);
      return () => res.off("close", listener);
    },
  };
}

/** Runs a request's statements as its tenant, where the tenant lives; for no longer than its client waits. */
export function runnerOf(
  { run, reach, keyring }: Runner,
  { principal, tenant, besides }: Granted,
  ctx: RequestContext,
) {
  const waiter = waiterOf(ctx);
  return (access: "read" | "write", statements: readonly Statement[]): Promise<StatementResult[]> =>
    reach(
      tenant,
      access,
      (connections, epoch) => {
        const placed = epoch === tenant.epoch ? tenant : { ...tenant, epoch };
        const scope = scopeOf(principal, placed, keyring);
        const told = access === "write" ? withRequestId(scope, ctx.state.requestId) : scope;
        const runAll = () => run(connections, told, access, statements, waiter);
        return besides === null
          ? runAll()
          : run(connections, scopeOf(besides, placed, keyring), "read", []).then(runAll);
      },
      () => waiter.isGone(),
    );
}

/** For a tenant's public pages. */
export function anonymousReader({ run, reach, keyring }: Runner): ReadAnonymously {
  return (tenant, statements) =>
    reach(tenant, "read", (connections, epoch) => {
      const facts = { tenantId: tenant.id, epoch, principal: "anonymous", role: "anonymous" };
      return run(connections, makeScope(facts, keyring), "read", statements);
    });
}
