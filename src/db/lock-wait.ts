import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { RowhouseError } from "../errors.ts";
import { watchBlockers, type Blocker } from "./blockers.ts";
import type { Database } from "./connections.ts";
import { isDatabaseError } from "./transaction.ts";

/**
 * How long a change of the schema may wait. A statement that waits for an ACCESS EXCLUSIVE lock makes every later query of the
 * table wait behind it (manual 13.3.1), so it waits briefly, gives its place up, lets the traffic through, and comes again.
 */
export interface LockLimits {
  /** Longest wait for one lock, in milliseconds, and so the longest that traffic waits behind it. */
  readonly lockTimeoutMs: number;
  /** For how long a step is tried again after its first refusal, in milliseconds. */
  readonly lockWaitMs: number;
}

/**
 * A quarter of a second is felt by nobody for long and is far below the two seconds after which a request of rowhouse_api fails
 * for a lock (policies/roles.sql); below deadlock_timeout, too (a second), so that in a deadlock with traffic it is us who step back.
 */
export const LOCK_LIMITS: LockLimits = { lockTimeoutMs: 250, lockWaitMs: 120_000 };

/** What a step waits for at this moment. */
export interface Blocked {
  /** How often it was tried so far. */
  readonly attempt: number;
  readonly waitedMs: number;
  /** Until the next attempt; null while it still waits in line. */
  readonly retryMs: number | null;
  /** Empty where nobody was seen. */
  readonly blockers: readonly Blocker[];
}

export interface LockWaitOptions extends LockLimits {
  readonly onBlocked?: (blocked: Blocked) => void;
}

/** `brief`: gives its place in the line up soon. `long`: for statements that nobody's reads or writes wait behind. */
export type Patience = "brief" | "long";

export interface LockWait extends AsyncDisposable {
  readonly limits: LockLimits;
  /**
   * Runs a step that leaves nothing behind when it fails, and runs it again while locks are refused.
   * @throws RowhouseError migrationBlocked, which names who blocks; whatever else the step throws
   */
  run<T>(step: () => Promise<T>, patience?: Patience): Promise<T>;
}

const FIRST_PAUSE_MS = 1000;
const LAST_PAUSE_MS = 10_000;
/** How often a wait in line is told of, when it is a long one. */
const TELL_MS = 5000;

/** 55P03 lock_timeout, 40P01 deadlock: of the error itself, or of the one that it explains. */
function lockRefusal(error: unknown): string | null {
  const source = error instanceof RowhouseError ? error.cause : error;
  const code = isDatabaseError(source) ? source.code : undefined;
  return code === "55P03" || code === "40P01" ? code : null;
}

/** Doubles up to ten seconds, give or take a quarter: several databases' migrations need not come at the same moment. */
export function pauseOf(attempt: number, random = Math.random()): number {
  return Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)) * (0.75 + random / 2);
}

/** Pure: one line per blocker, for people. */
export function describeBlocker({ pid, application, user, state, seconds }: Blocker): string {
  if (pid === 0) return "a prepared transaction (pg_prepared_xacts)";
  const who = [application, user === null ? null : `user ${user}`].filter((part) => part !== null && part !== "");
  const since = seconds === null ? [] : [`in a transaction for ${Math.round(seconds)} s`];
  return [`pid ${pid}`, ...who, ...(state === null ? [] : [state]), ...since].join(", ");
}

function refuse(error: unknown, { attempt, waitedMs, blockers }: Blocked): RowhouseError {
  const message = error instanceof Error ? error.message : String(error);
  const pids = blockers.filter(({ pid }) => pid !== 0).map(({ pid }) => `select pg_terminate_backend(${pid});`);
  const end = pids.length === 0 ? "End what blocks it" : `End what blocks it (${pids.join(" ")})`;
  return new RowhouseError("migrationBlocked", {
    message: `No lock in ${attempt} attempts and ${Math.round(waitedMs / 1000)} s: ${message}`,
    details: blockers.length === 0 ? undefined : `blocked by ${blockers.map(describeBlocker).join("; ")}`,
    hint: `Nothing of this step was kept, and traffic went on. ${end}, or run it again at a quieter time, or with a longer --lock-wait.`,
    cause: error,
  });
}

/** @param client runs the steps; gets its lock_timeout from here */
export async function openLockWait(
  database: Database,
  client: pg.Client,
  { lockTimeoutMs, lockWaitMs, onBlocked }: LockWaitOptions,
): Promise<LockWait> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const watch = watchBlockers(database, rows[0]!.pid);
  const timeoutOf = (patience: Patience) => Math.max(1, Math.round(patience === "long" ? lockWaitMs : lockTimeoutMs));

  const attemptOnce = async <T>(step: () => Promise<T>, patience: Patience, attempt: number): Promise<T> => {
    let toldAt = performance.now();
    const startedAt = toldAt;
    const onSeen = (blockers: readonly Blocker[]) => {
      const now = performance.now();
      if (now - toldAt < TELL_MS) return;
      toldAt = now;
      onBlocked?.({ attempt, waitedMs: now - startedAt, retryMs: null, blockers });
    };
    const timeout = timeoutOf(patience);
    await client.query(`set lock_timeout = ${timeout}`);
    await using _ = watch.start(timeout / 2, onSeen);
    return await step();
  };
  return {
    limits: { lockTimeoutMs, lockWaitMs },
    run: async (step, patience = "brief") => {
      const startedAt = performance.now();
      let refusedAt: number | null = null;
      for (let attempt = 1; ; attempt++) {
        try {
          return await attemptOnce(step, patience, attempt);
        } catch (error) {
          const code = lockRefusal(error);
          if (code === null) throw error;
          const now = performance.now();
          const waited = now - (refusedAt ??= patience === "long" && code === "55P03" ? startedAt : now);
          const seen = { attempt, waitedMs: now - startedAt, blockers: watch.seen() };
          if (waited >= lockWaitMs) throw refuse(error, { ...seen, retryMs: null });
          const retryMs = Math.min(pauseOf(attempt), lockWaitMs - waited);
          onBlocked?.({ ...seen, retryMs });
          await sleep(retryMs);
        }
      }
    },
    [Symbol.asyncDispose]: () => watch.close(),
  };
}
