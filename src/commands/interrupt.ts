/** Why a command ended early: Ctrl-C, or a SIGTERM. */
export class Interrupted extends Error {
  /** 128 and the signal's number, as shells have it. */
  readonly exit: number;

  constructor(signal: NodeJS.Signals, exit: number) {
    super(`Interrupted by ${signal}`);
    this.name = "Interrupted";
    this.exit = exit;
  }
}

const EXITS = { SIGINT: 130, SIGTERM: 143 } as const;
/** npm passes on the Ctrl-C that the terminal has sent to everybody already: two at once are one. */
const ECHO_MS = 500;
/** How long an interrupted command may tidy up: a statement that waits for a lock may never come back. `serve` has its own limit. */
const TIDY_MS = 5000;

let running: AbortController | null = null;
let tidyMs = TIDY_MS;

/**
 * What signals do to every command: work that {@link untilInterrupted} runs is asked to end and tidies up; a second signal, or
 * one while nothing of the kind runs, ends the process at once. Then an open transaction is rolled back by its server, and an
 * embedded server ends with this process.
 */
export function handleSignals(): void {
  let asked = -Infinity;
  for (const [signal, exit] of Object.entries(EXITS) as [keyof typeof EXITS, number][]) {
    process.on(signal, () => {
      if (running !== null && !running.signal.aborted) {
        asked = performance.now();
        running.abort(new Interrupted(signal, exit));
        setTimeout(() => process.exit(exit), tidyMs).unref();
      } else if (performance.now() - asked > ECHO_MS) {
        process.exit(exit);
      }
    });
  }
}

/**
 * Runs work that wants to tidy up when it is interrupted.
 * @param work gets the signal, whose reason is an {@link Interrupted}
 * @param limitMs how long it may take to tidy up
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>, limitMs = TIDY_MS): Promise<T> {
  running = new AbortController();
  tidyMs = limitMs;
  try {
    return await work(running.signal);
  } finally {
    running = null;
  }
}

/** How often to look, in milliseconds. */
const PARENT_MS = 250;

/** Ends as by SIGTERM once the parent is gone: npm dies of that signal, and its shell does not pass it on. */
export function endWithParent(): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, PARENT_MS);
  timer.unref();
}
