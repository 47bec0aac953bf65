import { RowhouseError } from "../errors.ts";

/** Whoever waits in one line; several lines share the places behind the turnstile. */
export interface Line {
  /**
   * Waits for a place.
   * @throws RowhouseError busy after waitMs, or what {@link Line.refuse} says
   */
  enter(): Promise<void>;
  /** Gives the place back. */
  leave(): void;
  /** Sends away whoever waits. */
  refuse(error: RowhouseError): void;
  /** Nobody enters any more; whoever is inside still leaves. */
  close(): void;
}

export interface Turnstile {
  /** @param most places that this line may have at once */
  openLine(most: number): Line;
}

interface Waiter {
  admit(): void;
  refuse(error: RowhouseError): void;
}

interface LineState {
  readonly most: number;
  inside: number;
  readonly waiting: Set<Waiter>;
}

/**
 * A number of places for several lines. One that becomes free goes to the lines in turn, however long each is, so that a busy
 * line keeps no other out.
 * @param hint of the refusal to whoever waited for too long
 */
export function openTurnstile(
  places: number,
  waitMs: number,
  hint = "Try again; raise DEDICATED_CONNECTIONS when it goes on.",
): Turnstile {
  let inside = 0;
  // Whoever was served last stands last.
  const lines = new Set<LineState>();

  const mayEnter = (line: LineState) => inside < places && line.inside < line.most;
  const admitNext = () => {
    for (const line of lines) {
      const [next] = line.waiting;
      if (next === undefined || !mayEnter(line)) continue;
      lines.delete(line);
      lines.add(line);
      next.admit();
      return;
    }
  };
  const wait = (line: LineState) =>
    new Promise<void>((resolve, reject) => {
      const refuse = (error: RowhouseError) => {
        clearTimeout(limit);
        line.waiting.delete(waiter);
        reject(error);
      };
      const admit = () => {
        clearTimeout(limit);
        line.waiting.delete(waiter);
        take(line);
        resolve();
      };
      const waiter: Waiter = { admit, refuse };
      const limit = setTimeout(() => refuse(new RowhouseError("busy", { hint })), waitMs);
      line.waiting.add(waiter);
    });
  const take = (line: LineState) => {
    inside += 1;
    line.inside += 1;
  };

  return {
    openLine: (most) => {
      const line: LineState = { most, inside: 0, waiting: new Set() };
      lines.add(line);
      return {
        enter: async () => {
          if (line.waiting.size === 0 && mayEnter(line)) take(line);
          else await wait(line);
        },
        leave: () => {
          inside -= 1;
          line.inside -= 1;
          admitNext();
        },
        refuse: (error) => {
          for (const waiter of line.waiting) waiter.refuse(error);
        },
        close: () => {
          lines.delete(line);
          for (const waiter of line.waiting) waiter.refuse(new RowhouseError("databaseUnavailable"));
        },
      };
    },
  };
}
