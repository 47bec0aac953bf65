import type { Catalog } from "../catalog/catalog.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { RestContext } from "./context.ts";
import type { IdempotencyKey } from "./request/idempotency-key.ts";
import type { Preferences } from "./request/preferences.ts";
import type { RestRequest } from "./request/request.ts";
import { readOverrides, type Overrides } from "./response/overrides.ts";
import type { RestAnswer } from "./response/response.ts";
import { renderDeleted } from "./statement/deleted.ts";
import { IS_KEPT, readKept, renderClaim, renderKept } from "./statement/kept.ts";
import type { DeletedRows } from "./target/soft-delete.ts";
import { READ_RESPONSE, renderPreRequest, renderSettings, ROLLBACK } from "./statement/settings.ts";

/** What a request's transaction is told before its one statement, besides whose it is. */
export interface Session {
  readonly request: RestRequest;
  readonly catalog: Catalog;
  readonly preferences: Preferences;
  /** What the parameter `deleted` says: which roles may say it the database decides. */
  readonly deleted?: DeletedRows | null;
  /** SET clauses of the function that is called. */
  readonly settings?: ReadonlyMap<string, string>;
  /** Of a write that must not be done twice; its statement keeps the answer. */
  readonly idempotency?: IdempotencyKey | null;
}

export interface Executed {
  readonly result: StatementResult;
  /** What functions of the app said of the answer; null for nothing. */
  readonly overrides: Overrides | null;
  /** Whether it is what an earlier request with the same Idempotency-Key was answered. */
  readonly isReplayed: boolean;
}

/** What functions of the app may read, which search path they find their tables by, and what the client wants. */
function settingsBefore({ served, settings, claims }: RestContext, session: Session, answers: boolean): Statement[] {
  const { request, catalog, preferences } = session;
  const [first] = served.catalogs.keys();
  const wanted = {
    request: served.readsRequest || settings.preRequest !== null ? request : null,
    claims: claims ?? {},
    schema: catalog.schema === first ? null : catalog.schema,
    timezone: preferences.timezone,
    statementTimeout: session.settings?.get("statement_timeout") ?? null,
  };
  const says = wanted.request ?? wanted.schema ?? wanted.timezone ?? wanted.statementTimeout;
  return says === null && !answers ? [] : [renderSettings(wanted)];
}

/** A read leaves nothing to take back. */
function rollsBack({ settings: { txEnd } }: RestContext, { tx }: Preferences, access: "read" | "write"): boolean {
  if (access === "read") return false;
  return tx === "rollback" || (txEnd.startsWith("rollback") && tx !== "commit");
}

/** @throws RowhouseError idempotencyRunning when what was there a moment ago is over by now */
async function replay({ run }: RestContext, idempotency: IdempotencyKey): Promise<Executed> {
  const [kept] = await run("read", [renderKept(idempotency)]);
  const [answer, headers = null, status = null] = kept?.rows[0] ?? [];
  if (typeof answer !== "string") throw new RowhouseError("idempotencyRunning");
  const overrides = readOverrides({ rows: [[headers, status]], rowCount: 1 });
  return { result: readKept(answer), overrides, isReplayed: true };
}

/** Whether the database stopped the statements since the request was answered before. */
function isAnswered(error: unknown): boolean {
  return isDatabaseError(error) && error.code === IS_KEPT;
}

/** Says so to clients that care. */
export function markReplayed(answer: RestAnswer, { isReplayed }: Executed): RestAnswer {
  return isReplayed ? { ...answer, headers: { ...answer.headers, "idempotent-replayed": "true" } } : answer;
}

/**
 * Runs the one statement of a request in its tenant's transaction, in one round trip, between those that the request, the app or the
 * configuration makes necessary: mostly none.
 * @throws RowhouseError responseHeadersInvalid, responseStatusInvalid; what the run throws
 */
export async function execute(
  context: RestContext,
  session: Session,
  access: "read" | "write",
  statement: Statement,
): Promise<Executed> {
  context.clock?.lap("plan");
  const { preRequest } = context.settings;
  const answers = context.served.writesResponse || preRequest !== null;
  const { idempotency = null } = session;
  const before = settingsBefore(context, session, answers || idempotency !== null);
  if (idempotency !== null) before.unshift(renderClaim(idempotency));
  if (session.deleted != null) before.unshift(renderDeleted(session.deleted));
  if (preRequest !== null) before.push(renderPreRequest(preRequest));
  const after = answers ? [READ_RESPONSE] : [];
  const end = rollsBack(context, session.preferences, access) ? ROLLBACK : [];
  let results: StatementResult[];
  try {
    results = await context.run(access, [...before, statement, ...after, ...end]);
  } catch (error) {
    if (idempotency === null || !isAnswered(error)) throw error;
    return replay(context, idempotency);
  }
  context.clock?.lap("transaction");
  const result = results[before.length];
  if (result === undefined) throw new RowhouseError("internal");
  return { result, overrides: answers ? readOverrides(results[before.length + 1]) : null, isReplayed: false };
}
