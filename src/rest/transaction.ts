import type { Catalog } from "../catalog/catalog.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import { RowhouseError } from "../errors.ts";
import type { RestContext } from "./context.ts";
import type { Preferences } from "./request/preferences.ts";
import type { RestRequest } from "./request/request.ts";
import { readOverrides, type Overrides } from "./response/overrides.ts";
import { READ_RESPONSE, renderPreRequest, renderSettings, ROLLBACK } from "./statement/settings.ts";

/** What a request's transaction is told before its one statement, besides whose it is. */
export interface Session {
  readonly request: RestRequest;
  readonly catalog: Catalog;
  readonly preferences: Preferences;
  /** SET clauses of the function that is called. */
  readonly settings?: ReadonlyMap<string, string>;
}

export interface Executed {
  readonly result: StatementResult;
  /** What functions of the app said of the answer; null for nothing. */
  readonly overrides: Overrides | null;
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
  const before = settingsBefore(context, session, answers);
  if (preRequest !== null) before.push(renderPreRequest(preRequest));
  const after = answers ? [READ_RESPONSE] : [];
  const end = rollsBack(context, session.preferences, access) ? ROLLBACK : [];
  const results = await context.run(access, [...before, statement, ...after, ...end]);
  context.clock?.lap("transaction");
  const result = results[before.length];
  if (result === undefined) throw new RowhouseError("internal");
  return { result, overrides: answers ? readOverrides(results[before.length + 1]) : null };
}
