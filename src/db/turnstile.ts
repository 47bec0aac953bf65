import { RowhouseError } from "../errors.ts";

/** Whoever waits in one line; several lines share the places behind the turnstile. */
export interface Line<T> {
  /**
   * Waits for a place, where none is free.
   * @returns what whoever had the place before passed on with it, if anything
   * @throws RowhouseError busy after waitMs, or what {@link Line.refuse} says
   */
  enter(): T | undefined | Promise<T | undefined>;
  /**
   * Gives the place back.
   * @param passOn for whoever waited and takes it now
   * @returns whether somebody did
   */
  leave(passOn?: T): boolean;
  /** Sends away whoever waits. */
  refuse(error: RowhouseError): void;
  /** Nobody enters any more, whoever asks later either (databaseUnavailable); whoever is inside still leaves. */
  close(): void;
}

export interface Turnstile<T> {
  /** @param most places that this line may have at once */
  openLine(most: number): Line<T>;
}

interface Waiter<T> {
  /** When to be sent away, by `performance.now()`. */
  readonly until: number;
  readonly admit: (passed: T | undefined) => void;
  readonly refuse: (error: RowhouseError) => void;
}

interface LineState<T> {
  readonly most: number;
  inside: number;
  /** In the order in which they came, and so of `until`. */
  readonly waiting: Set<Waiter<T>>;
  /** Runs while somebody waits, and a while longer: one timer for all, since most are let in long before. */
  timer: NodeJS.Timeout | undefined;
}

/** Sends away those who waited for too long. */
function expire<T>(line: LineState<T>, hint: string): void {
  line.timer = undefined;
  const now = performance.now();
  for (const waiter of line.waiting) {
    if (waiter.until > now) return watch(line, waiter.until - now, hint);
    line.waiting.delete(waiter);
    waiter.refuse(new RowhouseError("busy", { hint }));
  }
}

function watch<T>(line: LineState<T>, ms: number, hint: string): void {
  line.timer ??= setTimeout(() => expire(line, hint), Math.ceil(ms)).unref();
}

function refuseAll<T>({ waiting }: LineState<T>, error: RowhouseError): void {
  const refused = [...waiting];
  waiting.clear();
  for (const waiter of refused) waiter.refuse(error);
}

/**
 * A number of places for several lines. One that becomes free goes to the lines in turn, however long each is, so that a busy
 * line keeps no other out.
 * @param hint of the refusal to whoever waited for too long
 */
export function openTurnstile<T = never>(
  places: number,
  waitMs: number,
  hint = "Try again; raise DEDICATED_CONNECTIONS when it goes on.",
): Turnstile<T> {
  let inside = 0;
  // Whoever was served last stands last.
  const lines = new Set<LineState<T>>();

  const mayEnter = (line: LineState<T>) => inside < places && line.inside < line.most;
  const take = (line: LineState<T>) => {
    inside += 1;
    line.inside += 1;
  };
  const admitNext = (passOn: T | undefined): boolean => {
    for (const line of lines) {
      const [next] = line.waiting;
      if (next === undefined || !mayEnter(line)) continue;
      lines.delete(line);
      lines.add(line);
      line.waiting.delete(next);
      take(line);
      next.admit(passOn);
      return true;
    }
    return false;
  };
  const wait = (line: LineState<T>) =>
    new Promise<T | undefined>((admit, refuse) => {
      line.waiting.add({ until: performance.now() + waitMs, admit, refuse });
      watch(line, waitMs, hint);
    });

  return {
    openLine: (most) => {
      const line: LineState<T> = { most, inside: 0, waiting: new Set(), timer: undefined };
      lines.add(line);
      return {
        enter: () => {
          if (!lines.has(line)) return Promise.reject(new RowhouseError("databaseUnavailable"));
          if (line.waiting.size > 0 || !mayEnter(line)) return wait(line);
          take(line);
          return undefined;
        },
        leave: (passOn) => {
          inside -= 1;
          line.inside -= 1;
          return admitNext(passOn);
        },
        refuse: (error) => refuseAll(line, error),
        close: () => {
          lines.delete(line);
          clearTimeout(line.timer);
          refuseAll(line, new RowhouseError("databaseUnavailable"));
        },
      };
    },
  };
}
