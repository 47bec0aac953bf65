import { openTurnstile, type Line } from "./turnstile.ts";

/** Somebody's place, for a while. */
export interface Turn<T> {
  /** What whoever had the place before passed on with it, if anything. */
  readonly passed: T | undefined;
  /**
   * Gives the place back. Once.
   * @param passOn for whoever waited and takes it now
   * @returns whether somebody did
   */
  end(passOn?: T): boolean;
}

/** Places that many want at once. */
export interface FairShare<T = never> {
  /**
   * Waits for a place. Whoever has many wait in one line, and a place that becomes free goes to the lines in turn.
   * @param whose tenant, or whoever else is to keep nobody out
   * @throws RowhouseError busy
   */
  enter(whose: string): Promise<Turn<T>>;
}

export interface FairShareOptions {
  readonly places: number;
  /** Of them for one. */
  readonly most: number;
  /** Longest wait for a place. */
  readonly waitMs: number;
  /** Of the refusal. */
  readonly hint: string;
}

interface OwnLine<T> {
  readonly line: Line<T>;
  users: number;
}

/** However much one asks for, the others have their turn (threats.md, H23). */
export function openFairShare<T = never>({ places, most, waitMs, hint }: FairShareOptions): FairShare<T> {
  const turnstile = openTurnstile<T>(places, waitMs, hint);
  /** Of those who have or want a place now, and of nobody else. */
  const lines = new Map<string, OwnLine<T>>();
  const join = (whose: string): OwnLine<T> => {
    const own = lines.get(whose) ?? { line: turnstile.openLine(most), users: 0 };
    if (own.users === 0) lines.set(whose, own);
    own.users += 1;
    return own;
  };
  const forget = (whose: string, own: OwnLine<T>) => {
    own.users -= 1;
    if (own.users > 0) return;
    lines.delete(whose);
    own.line.close();
  };
  return {
    enter: async (whose) => {
      const own = join(whose);
      try {
        const passed = await own.line.enter();
        return {
          passed,
          end: (passOn) => {
            const isTaken = own.line.leave(passOn);
            forget(whose, own);
            return isTaken;
          },
        };
      } catch (error) {
        forget(whose, own);
        throw error;
      }
    },
  };
}
