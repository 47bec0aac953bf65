import type pg from "pg";
import type { Database } from "./connections.ts";

/** A session that holds, or is first in line for, a lock that another one waits for. */
export interface Blocker {
  /** 0: a prepared transaction, which has no process (manual 9.27, pg_blocking_pids). */
  readonly pid: number;
  /** Null: the owner's role may not see it. */
  readonly application: string | null;
  readonly user: string | null;
  readonly state: string | null;
  /** Since its transaction began. */
  readonly seconds: number | null;
}

export interface BlockerWatch {
  /** Looks every `everyMs` who blocks the client, until it is disposed of. */
  start(everyMs: number, onSeen: (blockers: readonly Blocker[]) => void): AsyncDisposable;
  /** Who was seen last since the last start; a wait that has ended tells nothing any more. */
  seen(): readonly Blocker[];
  close(): Promise<void>;
}

/** pg_blocking_pids() stops the lock manager for a moment, so it is asked only while the client does wait. */
const BLOCKERS = `
  select b.pid, s.application_name as application, s.usename as "user", coalesce(s.state, s.backend_type) as state,
    extract(epoch from clock_timestamp() - s.xact_start)::float8 as seconds
  from (select unnest(pg_blocking_pids(a.pid)) as pid from pg_stat_activity a
        where a.pid = $1 and a.wait_event_type = 'Lock') b
  left join pg_stat_activity s on s.pid = b.pid`;

const LONGEST_MS = 1000;
const SHORTEST_MS = 20;

/**
 * Watches over a session from a second connection, which is opened when a step takes long enough to ask. What it can't find out is
 * left out: nothing depends on it.
 * @param pid of the session's process
 */
export function watchBlockers(database: Database, pid: number): BlockerWatch {
  let watcher: Promise<pg.Client> | null = null;
  let seen: readonly Blocker[] = [];

  const look = async (onSeen: (blockers: readonly Blocker[]) => void) => {
    const { rows } = await (await (watcher ??= database.connectOwner())).query<Blocker>(BLOCKERS, [pid]);
    if (rows.length === 0) return;
    seen = rows;
    onSeen(rows);
  };
  return {
    start: (everyMs, onSeen) => {
      seen = [];
      let looking: Promise<void> | null = null;
      const timer = setInterval(
        () => {
          looking ??= look(onSeen)
            .catch(() => {})
            .finally(() => (looking = null));
        },
        Math.min(LONGEST_MS, Math.max(SHORTEST_MS, everyMs)),
      );
      return {
        [Symbol.asyncDispose]: async () => {
          clearInterval(timer);
          await looking;
        },
      };
    },
    seen: () => seen,
    close: async () => {
      await watcher?.then((opened) => opened.end()).catch(() => {});
    },
  };
}
