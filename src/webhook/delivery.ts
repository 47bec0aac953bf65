import type { WebhookEvent } from "./event.ts";

/** A delivery that is under way. */
export interface ClaimedDelivery extends WebhookEvent {
  /** uuid */
  readonly id: string;
  readonly webhookId: string;
  readonly url: string;
  /** Those that sign it. */
  readonly secrets: readonly Buffer[];
  /** Which try this is; the first is 1. */
  readonly attempts: number;
  readonly isTest: boolean;
}

/** How a try ended. */
export type Outcome =
  | { readonly kind: "delivered"; readonly status: number; readonly response: string }
  | {
      readonly kind: "failed";
      /** Null without an answer. */
      readonly status: number | null;
      readonly error: string;
      readonly response: string | null;
      /** Seconds that the receiver asks us to wait. */
      readonly retryAfter: number | null;
    }
  /** We were stopped, and it is tried anew: receivers know it by its id. */
  | { readonly kind: "stopped" };

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** Seconds until the next try, by tries so far: 13 tries in not quite three days. */
const PAUSES = [
  5,
  30,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  12 * HOUR,
  16 * HOUR,
  24 * HOUR,
];
const JITTER = 0.2;
/** A receiver may slow us down and not keep us waiting. */
const MOST_WAIT = HOUR;

/**
 * Tries after which later events of the same subject no longer wait for this one: some two hours. A receiver that chokes on one event
 * gets the others late, and gets them.
 */
export const HOLDING_TRIES = 6;

/**
 * Pure.
 * @param chance between 0 and 1: what failed together is not tried together again
 * @returns seconds; null when nobody tries any more
 */
export function pauseAfter(attempts: number, chance: number, retryAfter: number | null = null): number | null {
  const pause = PAUSES[attempts - 1];
  if (pause === undefined) return null;
  const spread = pause * (1 - JITTER + 2 * JITTER * chance);
  return Math.round(Math.max(spread, Math.min(retryAfter ?? 0, MOST_WAIT)));
}
