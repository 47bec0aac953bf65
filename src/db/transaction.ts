import type pg from "pg";
import { RowhouseError, errorKind } from "../errors.ts";
import { Batch, BrokenConnection } from "./batch.ts";
import { cancelWhenGone, type Waiter } from "./cancel.ts";
import type { Connections } from "./connections.ts";
import { enterStatement, type Scope } from "./scope.ts";
import type { Statement, StatementResult } from "./statement.ts";

/** An error that the server sent, as opposed to one of the connection. */
export function isDatabaseError(error: unknown): error is pg.DatabaseError {
  return error instanceof Error && typeof (error as { code?: unknown }).code === "string" && "severity" in error;
}

/** Prepared statements that we made are gone (26000), or there are some that we did not make (RH301 of enter()). */
function isTamperedSession(error: unknown): boolean {
  return isDatabaseError(error) && (error.code === "26000" || error.code === "RH301");
}

async function checkOut(pool: Connections, tenantId?: string): Promise<pg.PoolClient> {
  try {
    return await (tenantId === undefined || pool.connectFor === undefined ? pool.connect() : pool.connectFor(tenantId));
  } catch (error) {
    if (error instanceof RowhouseError) throw error;
    if (error instanceof Error && error.message.startsWith("timeout exceeded")) {
      throw new RowhouseError("busy", { hint: "Try again in a moment.", cause: error });
    }
    throw new RowhouseError("databaseUnavailable", { cause: error });
  }
}

/** A refusal that the SQL of `policies/` raised, as the row of the table that has its code; anything else as it is. */
export function translateError(error: unknown): unknown {
  if (error instanceof BrokenConnection) return new RowhouseError("databaseUnavailable", { cause: error });
  if (!isDatabaseError(error)) return error;
  const kind = errorKind(error.code);
  if (kind === undefined) return error;
  return new RowhouseError(kind, { message: error.message, details: error.detail, hint: error.hint, cause: error });
}

/**
 * Runs the statements in one transaction and one round trip, without a tenant. For the control plane's own tables.
 * @param waiter for whom it is done: when that one goes, so does the work
 * @param tenantId whose turn it takes, where connections are shared so
 * @returns one result per statement
 * @throws RowhouseError busy, databaseUnavailable, clientGone, or what the SQL raised; DatabaseError for the rest
 */
export async function runBatch(
  pool: Connections,
  statements: readonly Statement[],
  waiter?: Waiter,
  tenantId?: string,
): Promise<StatementResult[]> {
  const client = await checkOut(pool, tenantId);
  if (waiter?.isGone() === true) {
    client.release();
    throw new RowhouseError("clientGone");
  }
  const batch = client.query(new Batch(statements));
  const endWait = waiter === undefined ? undefined : cancelWhenGone(waiter, client, batch.done);
  try {
    const results = await batch.done;
    const cancelled = endWait?.() ?? null;
    // What was cancelled too late is done, and its connection is lent again once no cancel request can reach it.
    client.release(cancelled !== null && !(await cancelled));
    return results;
  } catch (error) {
    const cancelled = endWait?.() ?? null;
    const isUnsound = cancelled !== null && !(await cancelled);
    client.release(isUnsound || error instanceof BrokenConnection || isTamperedSession(error));
    throw cancelled === null ? translateError(error) : new RowhouseError("clientGone", { cause: error });
  }
}

/**
 * Runs the statements as the tenant: the context and all of them in one transaction and one round trip. With `read`
 * access the transaction is READ ONLY.
 * @returns one result per statement given
 * @throws RowhouseError tenantUnknown, tenantSuspended, tenantMoved, sealInvalid, busy, databaseUnavailable, clientGone; DatabaseError
 */
export async function runScoped(
  pool: Connections,
  scope: Scope,
  access: "read" | "write",
  statements: readonly Statement[],
  waiter?: Waiter,
): Promise<StatementResult[]> {
  const results = await runBatch(pool, [enterStatement(scope, access), ...statements], waiter, scope.tenantId);
  return results.slice(1);
}

/** Enters the tenant inside a transaction that {@link inTransaction} opened. */
export async function enterScope(client: pg.ClientBase, scope: Scope, access: "read" | "write"): Promise<void> {
  const { text, values } = enterStatement(scope, access);
  await client.query(text, [...values]).catch((error: unknown) => {
    throw translateError(error);
  });
}

/**
 * Runs the statements in one round trip inside a transaction that {@link inTransaction} opened.
 * @returns one result per statement
 */
export function runInside(client: pg.ClientBase, statements: readonly Statement[]): Promise<StatementResult[]> {
  const batch = new Batch(statements, true);
  client.query(batch);
  return batch.done;
}

/**
 * Runs `work` between BEGIN and COMMIT, for work that has to look at one answer before the next statement. Anything thrown
 * rolls back.
 */
export async function inTransaction<T>(
  client: pg.ClientBase,
  work: (client: pg.ClientBase) => Promise<T>,
  mode: "" | "isolation level repeatable read" = "",
): Promise<T> {
  await client.query(`begin ${mode}`);
  try {
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw translateError(error);
  }
}

/** Lends `work` a connection of the pool, which is destroyed when its state is in doubt. */
export async function withConnection<T>(pool: Connections, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  const client = await checkOut(pool);
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    client.release(!(error instanceof RowhouseError || isDatabaseError(error)));
    throw error;
  }
}

/** {@link inTransaction} on a connection of the pool. */
export function inPoolTransaction<T>(pool: Connections, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  return withConnection(pool, (client) => inTransaction(client, work));
}

/** A transaction of the control plane: what it changes goes into the audit trail under `actor`. */
export function inPlatformTransaction<T>(
  pool: Connections,
  actor: string,
  work: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  return inPoolTransaction(pool, async (client) => {
    await client.query("select platform.act_as($1)", [actor]);
    return work(client);
  });
}
