import type { Principal } from "../auth/principal.ts";
import { scopeOf } from "../auth/principal.ts";
import type { ConnectionPool } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import type { Scope } from "../db/scope.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import { RowhouseError } from "../errors.ts";
import type { Registry } from "../tenant/registry.ts";
import type { Grant } from "./authenticate.ts";

/** How statements reach the database: `runScoped`, or another way that a benchmark compares with it. */
export type Run = (
  pool: ConnectionPool,
  scope: Scope,
  access: "read" | "write",
  statements: readonly Statement[],
) => Promise<StatementResult[]>;

export interface Runner {
  readonly run: Run;
  /** Connections of rowhouse_api. */
  readonly api: ConnectionPool;
  readonly keyring: Keyring;
  readonly registry: Registry;
}

const isMoved = (error: unknown) => error instanceof RowhouseError && error.kind === "tenantMoved";

async function runAnew(
  runner: Runner,
  principal: Principal,
  error: unknown,
  access: "read" | "write",
  statements: readonly Statement[],
) {
  const { run, api, keyring, registry } = runner;
  registry.invalidate(principal.tenantId);
  const tenant = await registry.byId(principal.tenantId);
  if (tenant === undefined) throw error;
  return run(api, scopeOf(principal, tenant, keyring), access, statements);
}

/**
 * Runs a request's statements as its tenant. When the registry's memory of the tenant was stale, which the database tells by
 * RH106 before anything ran, once more with what the registry says now.
 */
export function runnerOf(runner: Runner, { principal, tenant }: Grant) {
  return async (access: "read" | "write", statements: readonly Statement[]): Promise<StatementResult[]> => {
    try {
      return await runner.run(runner.api, scopeOf(principal, tenant, runner.keyring), access, statements);
    } catch (error) {
      if (!isMoved(error)) throw error;
      return runAnew(runner, principal, error, access, statements);
    }
  };
}
