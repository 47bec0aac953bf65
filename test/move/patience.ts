import type pg from "pg";
import { PATIENCE_MS } from "../harness.ts";
import type { TestServerOptions } from "../http/server.ts";

/** Of a move whose patience is not what is tested. */
export const PATIENCE_SECONDS = 120;
/** How long a test may take in which such a move does not get on. */
export const TEST_MS = 300_000;

/** Of servers that refuse no client anything, should the machine stand still for a while: what a test finds refused has another reason. */
export const PATIENT: TestServerOptions = {
  isPatient: false, // a fence and a lock have their own way of waiting here: makePatient()
  answerMs: PATIENCE_MS,
  settings: { FENCE_WAIT_MS: PATIENCE_MS, CONNECTION_WAIT_MS: PATIENCE_MS, STATEMENT_TIMEOUT_MS: PATIENCE_MS },
};

/** The same of the sessions that requests and the test's own writers have in this database from now on (policies/roles.sql). */
export async function makePatient(admin: pg.Client): Promise<void> {
  await admin.query(`do $$ begin
    execute format('alter role rowhouse_api in database %I set lock_timeout = ${PATIENCE_MS}', current_database());
    execute format('alter role rowhouse_api in database %I set idle_in_transaction_session_timeout = 0', current_database());
  end $$`);
}
