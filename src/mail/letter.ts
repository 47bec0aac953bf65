/** An e-mail of the outbox that is being sent. */
export interface Letter {
  /** uuid */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Which try this is; the first is 1. */
  readonly attempts: number;
  /** ISO 8601 */
  readonly createdAt: string;
}

/** How an attempt to send ended. */
export type Outcome =
  | { readonly kind: "sent" }
  /** It did not arrive, and may be tried again. */
  | { readonly kind: "refused"; readonly error: string; readonly isFinal: boolean }
  /** The connection broke when the server had it, or nearly: nobody can tell whether it arrives. */
  | { readonly kind: "doubtful"; readonly error: string };

const MINUTE = 60;
/** Seconds until the next try, by tries so far: half an hour later it is likely the server and not the net. */
const PAUSES = [1, 2, 5, 15, 30, 60, 120, 240, 480, 720].map((minutes) => minutes * MINUTE);

/** Pure. @returns seconds; null when nobody tries any more */
export function pauseAfter(attempts: number): number | null {
  return PAUSES[attempts - 1] ?? null;
}
