import { describeBlocker, LOCK_LIMITS, type Blocked, type LockLimits } from "../../db/lock-wait.ts";
import { parseMilliseconds } from "../duration.ts";
import { formatSeconds } from "../progress.ts";

/** How long to wait for locks. */
export interface WaitOptions {
  readonly lockTimeout?: string;
  readonly lockWait?: string;
}

export type Waiting = LockLimits;

/** @throws RowhouseError usage */
export function readWaiting({ lockTimeout, lockWait }: WaitOptions): Waiting {
  return {
    lockTimeoutMs:
      lockTimeout === undefined ? LOCK_LIMITS.lockTimeoutMs : parseMilliseconds("--lock-timeout", lockTimeout),
    lockWaitMs: lockWait === undefined ? LOCK_LIMITS.lockWaitMs : parseMilliseconds("--lock-wait", lockWait),
  };
}

/** Pure: who blocks, for how long, and what happens next. */
export function describeBlocked({ attempt, waitedMs, retryMs, blockers }: Blocked): string {
  const who = blockers.length === 0 ? "" : `, blocked by ${blockers.map(describeBlocker).join("; ")}`;
  const next = retryMs === null ? "" : `; next attempt in ${formatSeconds(retryMs / 1000)}`;
  return `waiting for a lock for ${formatSeconds(waitedMs / 1000)}, attempt ${attempt}${who}${next}`;
}
