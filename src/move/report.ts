import type { DbClient } from "../db/connections.ts";
import { MOVER_LOCK } from "./lock.ts";
import { isCommitted, type Move } from "./move.ts";
import { listResources, type MoveResource } from "./resource.ts";
import type { MoveSite } from "./run.ts";
import { findMove, listEvents, type MoveEventRow } from "./store.ts";

/** A move as it is shown: without the token that its run acts by. */
export interface MoveReport extends Omit<Move, "token" | "forwardName" | "reverseName"> {
  /** The database that the tenant lives in now. */
  readonly lives: string;
}

/** Pure. */
export function reportMove(move: Move): MoveReport {
  const { token: _token, forwardName: _forward, reverseName: _reverse, ...shown } = move;
  return { ...shown, lives: isCommitted(move.state) ? move.to : move.from };
}

/** All that there is to tell of a move. */
export interface WholeReport extends MoveReport {
  /** A process works on it at this moment. */
  readonly isRunning: boolean;
  readonly resources: readonly MoveResource[];
  readonly events: readonly MoveEventRow[];
}

/**
 * Whether a process holds the lock of the tenant's mover.
 * @param owner of the registry's database: locks are shown to nobody else
 */
export async function isRunning(owner: DbClient, tenantId: string): Promise<boolean> {
  const { rowCount } = await owner.query(
    // Keys of advisory locks are shown as OIDs, which have no sign (manual, 53.13).
    `select from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = $1::integer::oid
       and l.database = (select oid from pg_database where datname = current_database())
       and l.objid = (uuid_hash($2::uuid)::bigint & 4294967295)::oid`,
    [MOVER_LOCK, tenantId],
  );
  return rowCount !== 0;
}

/** What runs were called is nobody's business. */
function withoutTokens(rows: readonly MoveEventRow[]): MoveEventRow[] {
  return rows.map(({ details: { token: _token, ...details }, ...row }) => ({ ...row, details }));
}

/**
 * @param name id of a move, or the slug of a tenant for its latest
 * @throws RowhouseError moveUnknown
 */
export async function readReport({ home, platform }: MoveSite, name: string): Promise<WholeReport> {
  const move = await findMove(platform, name);
  const owner = await home.connectOwner();
  try {
    const running = await isRunning(owner, move.tenantId);
    const resources = await listResources(platform, move.id);
    const events = await listEvents(platform, move.id);
    return { ...reportMove(move), isRunning: running, resources, events: withoutTokens(events) };
  } finally {
    await owner.end();
  }
}
