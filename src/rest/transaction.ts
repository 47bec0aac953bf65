import type { Catalog } from "../catalog/catalog.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import { RowhouseError } from "../errors.ts";
import type { RestContext } from "./context.ts";
import type { Preferences } from "./request/preferences.ts";
import type { RestRequest } from "./request/request.ts";

/** What a request's transaction is told before its one statement, besides whose it is. */
export interface Session {
  readonly request: RestRequest;
  readonly catalog: Catalog;
  readonly preferences: Preferences;
}

export interface Executed {
  readonly result: StatementResult;
}

/** Runs the one statement of a request in its tenant's transaction, in one round trip. */
export async function execute(
  { run }: RestContext,
  _session: Session,
  access: "read" | "write",
  statement: Statement,
): Promise<Executed> {
  const [result] = await run(access, [statement]);
  if (result === undefined) throw new RowhouseError("internal");
  return { result };
}
