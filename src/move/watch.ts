import { setTimeout as sleep } from "node:timers/promises";
import type { DbClient } from "../db/connections.ts";
import { findDatabase, openEntry } from "../tenant/databases.ts";
import { sessionName } from "./endpoint.ts";
import { isCommitted, type Move, type MoveEvent } from "./move.ts";
import { isRunning } from "./report.ts";
import type { MoveSite } from "./run.ts";
import { findMove, listEvents } from "./store.ts";

export interface WatchOptions {
  readonly onEvent: (event: MoveEvent) => void;
  readonly signal?: AbortSignal;
  /** How often to look, in milliseconds. */
  readonly everyMs?: number;
}

type Connection = DbClient & { end(): Promise<void> };

/** One of the two databases, connected to while it can be: what it tells is worth no error. */
interface Look {
  ask<Row extends object>(text: string, values: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

function openLook({ home, platform }: MoveSite, name: string): Look {
  let connection: Connection | null = null;
  const close = async () => {
    await connection?.end().catch(() => {});
    connection = null;
  };
  return {
    ask: async <Row extends object>(text: string, values: unknown[]) => {
      try {
        connection ??= await openEntry(home, await findDatabase(platform, name)).connectOwner();
        return (await connection.query<Row>(text, values)).rows;
      } catch {
        await close();
        return [];
      }
    },
    close,
  };
}

interface CopyRow {
  readonly table: string;
  readonly rows: string;
  readonly bytes: string;
}

/** Of the target; other databases' tables have no names here. */
const COPIES = `select format('%I.%I', n.nspname, c.relname) as table, p.tuples_processed::text as rows, p.bytes_processed::text as bytes
  from pg_stat_progress_copy p join pg_stat_activity a on a.pid = p.pid and a.application_name = $1
  join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace
  where p.datname = current_database() and p.command = 'COPY FROM'`;
/** Of the publisher; null while nothing was sent for a while. */
const LAG = `select round(extract(epoch from replay_lag) * 1000, 3)::float8 as ms from pg_stat_replication where application_name = $1`;

function copyEvent({ table, rows, bytes }: CopyRow, done: boolean): MoveEvent {
  return { event: "copy", table, rows: Number(rows), bytes: Number(bytes), done };
}

/** Tells of the tables that are being loaded, and of those that no longer are. */
async function tellCopies(target: Look, move: Move, seen: Map<string, CopyRow>, onEvent: WatchOptions["onEvent"]) {
  const rows = await target.ask<CopyRow>(COPIES, [sessionName(move.id)]);
  for (const row of rows) {
    seen.set(row.table, row);
    onEvent(copyEvent(row, false));
  }
  for (const row of seen.values()) {
    if (rows.some(({ table }) => table === row.table)) continue;
    seen.delete(row.table);
    onEvent(copyEvent(row, true));
  }
}

async function tellLag(publisher: Look, name: string, onEvent: WatchOptions["onEvent"]): Promise<void> {
  const [row] = await publisher.ask<{ ms: number | null }>(LAG, [name]);
  if (row?.ms != null) onEvent({ event: "lag", ms: row.ms });
}

/** What a run keeps of itself, as it would have told it. */
async function tellNews(
  site: MoveSite,
  before: Move | null,
  now: Move,
  told: number,
  onEvent: WatchOptions["onEvent"],
) {
  const events = await listEvents(site.platform, now.id);
  if (JSON.stringify(before?.facts) !== JSON.stringify(now.facts)) onEvent({ event: "facts", facts: now.facts });
  for (const { event, details } of events.slice(told)) {
    // Of rows that one process writes for all: the latest turn is the one that counts.
    if (event === "turned") onEvent({ event, from: now.from, to: now.to, isRollback: now.isRollback });
    else if (event !== "run") onEvent({ event: "state", state: event as Move["state"], details });
  }
  return events.length;
}

const IDLE_LOOKS = 10;

/**
 * Follows a move that another process runs, by what it writes down and by what the servers tell of its sessions.
 * @returns the move as it was when it ended, when the way back was open, or when nobody had worked on it for a while
 * @throws RowhouseError databaseUnavailable; the signal's reason
 */
export async function watchMove(site: MoveSite, found: Move, options: WatchOptions): Promise<Move> {
  const { onEvent, signal, everyMs = 250 } = options;
  const registry = await site.home.connectOwner();
  const looks = { from: openLook(site, found.from), to: openLook(site, found.to) };
  const copies = new Map<string, CopyRow>();
  let before: Move | null = null;
  let told = 0;
  let idle = 0;
  try {
    while (true) {
      const move = await findMove(site.platform, found.id);
      told = await tellNews(site, before, move, told, onEvent);
      idle = (await isRunning(registry, move.tenantId)) ? 0 : idle + 1;
      const isAtRest = move.finishedAt !== null || (move.state === "observing" && idle > 0) || idle >= IDLE_LOOKS;
      if (isAtRest) return move;
      if (move.state === "copying" || copies.size > 0) await tellCopies(looks.to, move, copies, onEvent);
      if (isCommitted(move.state)) await tellLag(looks.to, move.reverseName, onEvent);
      else await tellLag(looks.from, move.forwardName, onEvent);
      before = move;
      await sleep(everyMs, undefined, { signal });
    }
  } finally {
    await Promise.allSettled([registry.end(), looks.from.close(), looks.to.close()]);
  }
}
