/**
 * Where a move stands. The -ed ones name what has been reached, the -ing ones what is being done; each is taken up where a killed
 * mover left it. Before `committed` the tenant lives at the source, from then on at the target.
 */
export const MOVE_STATES = [
  "planned",
  "published",
  "copying",
  "subscribed",
  "caught_up",
  "ready",
  "fencing",
  "committed",
  "activated",
  "flipped",
  "reversing",
  "observing",
  "done",
  "aborted",
] as const;
export type MoveState = (typeof MOVE_STATES)[number];

export interface MoveSettings {
  /** How long the way back is kept open after the cutover, in seconds. */
  readonly windowSeconds: number;
  /** How long a fence may last; then it lapses and the move tries again. */
  readonly fenceMs: number;
  /** No fence before a watermark travels within this. */
  readonly lagMs: number;
  /** How long to wait for the target to keep up and for long transactions to end, in seconds. */
  readonly patienceSeconds: number;
  /** Tables that are copied at once. */
  readonly workers: number;
}

export const DEFAULT_SETTINGS: MoveSettings = {
  windowSeconds: 24 * 3600,
  fenceMs: 500,
  lagMs: 100,
  patienceSeconds: 120,
  workers: 2,
};

/** What was measured on the way; grows. */
export interface MoveFacts {
  /** What was expected before the start. */
  readonly planned?: PlannedFacts;
  /** The target had no row of the tenant before. */
  readonly madeRow?: boolean;
  readonly copied?: { readonly tables: number; readonly rows: number; readonly bytes: number; readonly ms: number };
  readonly fence?: FenceFacts;
  /** By name: `before` the cutover, `after` it; and before and after a rollback. */
  readonly verified?: Readonly<Record<string, VerifyFacts>>;
  readonly removedRows?: number;
  /** Where the way back of this name begins at the target: a WAL position. Before 16 alone. */
  readonly settled?: { readonly name: string; readonly lsn: string };
  /** It is being given up: whoever takes it up goes on with that. */
  readonly isAborting?: boolean;
  /** Name of the target, when it could not be reached as the move was given up: something may be left there. */
  readonly left?: string | null;
}

export interface PlannedFacts {
  readonly tables: number;
  readonly rows: number;
  readonly bytes: number;
  /** From the start until the way back is open. */
  readonly totalMs: number;
  readonly fenceMs: number;
}

/** Milliseconds from the moment that writes were asked to wait. */
export interface FenceFacts {
  /** Until the running writes had ended. */
  readonly drainedMs: number;
  /** Until the target had everything. */
  readonly appliedMs: number;
  /** Until the commit point. */
  readonly committedMs: number;
  /** Until the target took writes. */
  readonly activatedMs: number;
  readonly attempts: number;
}

export interface VerifyFacts {
  readonly tables: number;
  readonly rows: number;
  readonly ms: number;
  /** How long writes waited for the two snapshots. */
  readonly writersWaitedMs: number;
}

/** A tenant on its way from one database to another, as `platform.moves` has it. */
export interface Move {
  readonly id: string;
  readonly tenantId: string;
  readonly slug: string;
  /** Name of the database that it leaves. */
  readonly from: string;
  readonly to: string;
  readonly state: MoveState;
  readonly isRollback: boolean;
  /** Of the run that works on it: a new one for each process. */
  readonly token: string;
  /** Of the placement before the commit point; a bigint's digits. */
  readonly epoch: string;
  /** Name of the publication, slot and subscription that bring the tenant's changes to the target … */
  readonly forwardName: string;
  /** … and of those that bring them back. */
  readonly reverseName: string;
  readonly settings: MoveSettings;
  readonly attempts: number;
  /** ISO 8601; while observing. */
  readonly observeUntil: string | null;
  readonly facts: MoveFacts;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly actor: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly finishedAt: string | null;
}

/** Whether the tenant lives at the target already. */
export function isCommitted(state: MoveState): boolean {
  return MOVE_STATES.indexOf(state) >= MOVE_STATES.indexOf("committed") && state !== "aborted";
}

/** What the mover tells while it works; all of them go to `onEvent`, those with `event: "state"` into `platform.move_events`. */
export type MoveEvent =
  | { readonly event: "state"; readonly state: MoveState; readonly details: Readonly<Record<string, unknown>> }
  | {
      readonly event: "copy";
      readonly table: string;
      readonly rows: number;
      readonly bytes: number;
      readonly done: boolean;
    }
  /** How long a watermark took to reach the target; null while it has not within the limit. */
  | { readonly event: "lag"; readonly ms: number | null }
  /** A fence that did not come to its commit point. */
  | { readonly event: "fence_missed"; readonly attempt: number; readonly reason: string }
  /** The move goes back: from and to are swapped. */
  | { readonly event: "turned"; readonly from: string; readonly to: string; readonly isRollback: boolean }
  /** What has been measured; each of them once a run. */
  | { readonly event: "facts"; readonly facts: MoveFacts }
  | { readonly event: "verify"; readonly table: string; readonly rows: number }
  | { readonly event: "remove"; readonly table: string; readonly rows: number }
  | { readonly event: "retry"; readonly reason: string };
