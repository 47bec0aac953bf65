import type { Session } from "./session.ts";
import { tableName } from "./manifest.ts";
import type { MatchedTable } from "./shape.ts";

/**
 * What lets somebody into the archive's tenant, and must let nobody into another: open sessions, links, keys of programs, identities at
 * providers. Children before what they refer to.
 */
const CREDENTIALS = [
  "tenant.refresh_tokens",
  "tenant.one_time_links",
  "tenant.api_keys",
  "tenant.impersonations",
  "tenant.identities",
  "tenant.sessions",
];
/** Says what happened in one tenant, and is only ever added to. */
const TRAIL = "tenant.audit_events";

/** Whether a table, as `schema.table`, stays with its tenant: another never gets its rows. Pure. */
export function isWithheld(table: string): boolean {
  return table === TRAIL || CREDENTIALS.includes(table);
}

/** The tables that a tenant gets which is not the archive's own: without its credentials and its audit trail. Pure. */
export function withoutCredentials(tables: readonly MatchedTable[]): MatchedTable[] {
  return tables.filter(({ archived }) => !isWithheld(tableName(archived)));
}

/** The tables that a restore writes over in a tenant that lives: all but its audit trail. Pure. */
export function withoutTrail(tables: readonly MatchedTable[]): MatchedTable[] {
  return tables.filter(({ archived }) => tableName(archived) !== TRAIL);
}

/** Those who were let into the tenant are let in no more: its users are others now. In the tenant's context. */
export async function dropCredentials(session: Session, tables: readonly MatchedTable[]): Promise<void> {
  const live = new Map(tables.map((table) => [tableName(table.archived), table.live.identifier]));
  for (const name of CREDENTIALS) {
    const identifier = live.get(name);
    if (identifier !== undefined) await session.query(`delete from ${identifier}`);
  }
}
