import { setTimeout as sleep } from "node:timers/promises";
import type { Connections } from "../db/connections.ts";
import { claimLetters, markSending, settle } from "./box.ts";
import type { Letter, Outcome } from "./letter.ts";
import type { Courier } from "./smtp.ts";

export interface SenderSources {
  readonly courier: Courier;
  /** Connections of rowhouse_platform of every database of the deployment that can be reached: each has an outbox. */
  readonly boxes: () => Promise<readonly Connections[]>;
  readonly onOutcome?: (letter: Letter, outcome: Outcome) => void;
  readonly onError: (error: unknown) => void;
  readonly pauseMs?: number;
}

/** Sends what is in the outboxes, for as long as the server runs. */
export interface Sender {
  /** Ends after the letter that is being sent. */
  close(): Promise<void>;
}

const AT_ONCE = 5;

async function deliver({ courier, onOutcome }: SenderSources, box: Connections, letter: Letter): Promise<void> {
  let isOurs = true;
  const outcome = await courier.send(letter, async () => (isOurs = await markSending(box, letter)));
  if (!isOurs) return; // how it ends is for whoever sends it to say
  await settle(box, letter, outcome);
  onOutcome?.(letter, outcome);
}

async function sendFrom(sources: SenderSources, box: Connections): Promise<number> {
  // A claim of few: what is claimed and not begun waits for its lease to end when the process dies.
  const letters = await claimLetters(box, AT_ONCE);
  await Promise.all(letters.map((letter) => deliver(sources, box, letter)));
  return letters.length;
}

/** A box that fails is told of, and keeps no other waiting. @returns how many letters there were */
export async function sendDue(sources: SenderSources, isClosed: () => boolean = () => false): Promise<number> {
  let count = 0;
  for (const box of await sources.boxes()) {
    if (isClosed()) break;
    try {
      count += await sendFrom(sources, box);
    } catch (error) {
      sources.onError(error);
    }
  }
  return count;
}

/**
 * Any number of processes may run one: no letter is sent by two. A letter is sent once, or, when a process or the net dies while the
 * mail server has it, left in doubt; it is never sent twice by itself.
 */
export function openSender(sources: SenderSources): Sender {
  const { pauseMs = 2000, onError } = sources;
  const closing = new AbortController();
  const isClosed = () => closing.signal.aborted;
  const run = async () => {
    while (!isClosed()) {
      const count = await sendDue(sources, isClosed).catch((error: unknown) => {
        onError(error);
        return 0;
      });
      if (count === 0) await sleep(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
    }
  };
  const running = run();
  return {
    close: async () => {
      closing.abort();
      await running;
      sources.courier.close();
    },
  };
}
