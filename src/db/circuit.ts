import type { RowhouseError } from "../errors.ts";

/**
 * Keeps requests from waiting for a server that was not there a moment ago: after a failure they are refused at once, and when the
 * pause is over, one attempt at a time finds out whether it is back.
 */
export interface Circuit {
  /** @throws RowhouseError the last failure, when an attempt would be refused */
  check(): void;
  /**
   * Makes the attempt, or refuses it.
   * @param attempt rejects with a RowhouseError
   */
  try<T>(attempt: () => Promise<T>): Promise<T>;
  /** It turned out in another way that the server is gone. */
  trip(error: RowhouseError): void;
}

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 3000;

/** @param onOpen a failure after a success: whoever waits for a connection waits in vain */
export function openCircuit(onOpen: (error: RowhouseError) => void): Circuit {
  let failure: RowhouseError | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  let retryAt = 0;
  let isProbing = false;

  const check = () => {
    if (failure !== null && (isProbing || performance.now() < retryAt)) throw failure;
  };
  const trip = (error: RowhouseError) => {
    if (failure !== null) return; // attempts that began together fail together, and count once
    failure = error;
    pauseMs = FIRST_PAUSE_MS;
    retryAt = performance.now() + pauseMs;
    onOpen(error);
  };
  const probe = async <T>(attempt: () => Promise<T>): Promise<T> => {
    isProbing = true;
    try {
      const result = await attempt();
      failure = null;
      return result;
    } catch (error) {
      failure = error as RowhouseError;
      pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS);
      retryAt = performance.now() + pauseMs;
      throw error;
    } finally {
      isProbing = false;
    }
  };
  return {
    check,
    trip,
    try: async (attempt) => {
      check();
      if (failure !== null) return probe(attempt);
      return attempt().catch((error: RowhouseError) => {
        trip(error);
        throw error;
      });
    },
  };
}
