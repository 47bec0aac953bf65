import type { Session } from "./session.ts";
import { tableName } from "./manifest.ts";
import type { MatchedTable } from "./shape.ts";

/**
 * What lets somebody into the archive's tenant, and must let nobody into another: open sessions, links, keys of programs. Children
 * before what they refer to.
 */
const CREDENTIALS = [
  "tenant.refresh_tokens",
  "tenant.one_time_links",
  "tenant.api_keys",
  "tenant.impersonations",
  "tenant.sessions",
];
/** Says what happened in one tenant, and is only ever added to. */
const TRAIL = "tenant.audit_events";

const without = (tables: readonly MatchedTable[], names: readonly string[]) =>
  tables.filter(({ archived }) => !names.includes(tableName(archived)));

/** The tables that a tenant gets which is not the archive's own: without its credentials and its audit trail. Pure. */
export function withoutCredentials(tables: readonly MatchedTable[]): MatchedTable[] {
  return without(tables, [...CREDENTIALS, TRAIL]);
}

/** The tables that a restore writes over in a tenant that lives: all but its audit trail. Pure. */
export function withoutTrail(tables: readonly MatchedTable[]): MatchedTable[] {
  return without(tables, [TRAIL]);
}

/** Those who were let into the tenant are let in no more: its users are others now. In the tenant's context. */
export async function dropCredentials(session: Session, tables: readonly MatchedTable[]): Promise<void> {
  const live = new Map(tables.map((table) => [tableName(table.archived), table.live.identifier]));
  for (const name of CREDENTIALS) {
    const identifier = live.get(name);
    if (identifier !== undefined) await session.query(`delete from ${identifier}`);
  }
}
