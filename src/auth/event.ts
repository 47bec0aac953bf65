import type { Statement } from "../db/statement.ts";
import { statement } from "./desk.ts";

/** Notes in the tenant's audit trail what changed no row that is audited. @param action as `session.started` */
export function recordEvent(action: string, details: Readonly<Record<string, unknown>>): Statement {
  return statement("select to_json(platform.record_event($1, $2::jsonb)::text)", action, JSON.stringify(details));
}
