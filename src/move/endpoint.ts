import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";
import { findDatabase, openEntry, type DatabaseEntry } from "../tenant/databases.ts";
import type { MoveSite } from "./run.ts";

export type MoveSession = Awaited<ReturnType<Database["connectOwner"]>>;

/** One end of a move: a database, and the mover's sessions in it. */
export interface Endpoint {
  /** As the registry has it. */
  readonly name: string;
  readonly kind: DatabaseEntry["kind"];
  readonly database: Database;
  /** host:port at which the other end reaches it; null: as its URL says. */
  readonly peer: string | null;
  /** Major version of the server. */
  readonly major: number;
  /** The owner's: publications, slots, subscriptions. */
  readonly owner: MoveSession;
  /** Role rowhouse_mover: rows, fence and watermarks. */
  readonly mover: MoveSession;
}

/** By which a later run finds the sessions of this one. */
export function sessionName(moveId: string): string {
  return `rowhouse move ${moveId}`;
}

const GONE_MS = 30_000;

/** A mover that was cut off from us may go on for one more statement: its sessions end before ours do anything. */
async function endFormerSessions(owner: MoveSession, name: string): Promise<void> {
  const deadline = performance.now() + GONE_MS;
  while (true) {
    const { rowCount } = await owner.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database() and pid <> pg_backend_pid()",
      [name],
    );
    if (rowCount === 0) return;
    if (performance.now() > deadline) {
      throw new RowhouseError("moveRunning", {
        message: `Sessions of an earlier run (${name}) do not end`,
        hint: "Look for them in pg_stat_activity.",
      });
    }
    await sleep(20);
  }
}

/**
 * A session whose statements no setting of its role or database ends, and that a later run can find.
 */
async function nameSession(session: MoveSession, name: string): Promise<void> {
  await session.query(
    `select set_config('application_name', $1, false), set_config('statement_timeout', '0', false),
       set_config('idle_in_transaction_session_timeout', '0', false), set_config('synchronous_commit', 'on', false)`,
    [name],
  );
}

/** One more session of rowhouse_mover. The caller ends it. */
export async function openMover(database: Database, moveId: string): Promise<MoveSession> {
  const session = await database.connect("rowhouse_mover");
  // Rather an error than a copy with no rows, should the role not bypass row-level security (mobility.md, finding 6).
  await session.query("set row_security = off");
  await nameSession(session, sessionName(moveId));
  return session;
}

/**
 * Opens one end, after ending what an earlier run of the same move left in it.
 * @throws RowhouseError databaseUnknown, databaseUnavailable, configInvalid, moveRunning
 */
export async function openEndpoint(
  { home, platform, actor }: MoveSite,
  name: string,
  moveId: string,
): Promise<Endpoint> {
  const entry = await findDatabase(platform, name);
  const database = openEntry(home, entry);
  const owner = await database.connectOwner();
  try {
    await endFormerSessions(owner, sessionName(moveId));
    await nameSession(owner, sessionName(moveId));
    const { rows } = await owner.query<{ version: string }>("select current_setting('server_version_num') as version");
    const mover = await openMover(database, moveId);
    await mover.query("select set_config('rowhouse.actor', $1, false)", [actor]); // for the audit trail
    return {
      name,
      kind: entry.kind,
      database,
      peer: entry.peer,
      major: Math.floor(Number(rows[0]?.version) / 10_000),
      owner,
      mover,
    };
  } catch (error) {
    await owner.end().catch(() => {});
    throw error;
  }
}

/** Never throws. */
export async function closeEndpoint({ owner, mover }: Endpoint): Promise<void> {
  await Promise.allSettled([owner.end(), mover.end()]);
}
