import type { ConnectionPool } from "../db/connections.ts";
import { recordEvent, type NewAuditEvent } from "./events.ts";

export interface Denials {
  /** Writes the event, or counts it when there were too many; never throws, since the request is refused either way. */
  record(event: Omit<NewAuditEvent, "outcome">): Promise<void>;
}

export interface DenialOptions {
  /** Most events written in one second. */
  readonly perSecond?: number;
  readonly onError?: (error: unknown) => void;
}

/**
 * Refused requests in the audit trail. Anyone can send such requests, so what they can make the database write is bounded:
 * those over the limit are counted, and the next event tells how many there were.
 */
export function openDenials(pool: ConnectionPool, { perSecond = 10, onError }: DenialOptions = {}): Denials {
  let second = 0;
  let written = 0;
  let suppressed = 0;
  return {
    record: async (event) => {
      const now = Math.floor(Date.now() / 1000);
      if (now !== second) [second, written] = [now, 0];
      if (written >= perSecond) {
        suppressed++;
        return;
      }
      written++;
      const details = suppressed === 0 ? event.details : { ...event.details, suppressedBefore: suppressed };
      suppressed = 0;
      await recordEvent(pool, { ...event, details, outcome: "denied" }).catch((error: unknown) => onError?.(error));
    },
  };
}
