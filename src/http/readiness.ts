import type { Failing } from "../db/readiness.ts";
import { RowhouseError } from "../errors.ts";
import type { Log } from "../log.ts";

/** What is known about being ready, so that not every request has to ask. */
export interface Readiness {
  /** At most a second old, unless every look takes long. */
  current(): Promise<readonly Failing[]>;
  /**
   * For every request: lets it pass when isolation held a moment ago, and looks anew on the side. After a pause it waits for a look.
   * @throws RowhouseError notReady, databaseUnavailable
   */
  admit(): void | Promise<void>;
}

const FRESH_MS = 1000;
/** Until then a request goes on with the last answer while the next one is being looked up. */
const RECENT_MS = 10_000;

function refuse(failing: readonly Failing[]): void {
  const unsafe = failing.filter(({ isolation }) => isolation);
  if (unsafe.length === 0) return;
  const down = unsafe.some(({ fact }) => fact === "database_unreachable");
  throw new RowhouseError(down ? "databaseUnavailable" : "notReady", {
    details: unsafe.map(({ fact }) => fact).join(", "),
    hint: "Its operator sees the reasons and the fixes at /readyz.",
  });
}

/** Says once when something begins or ends to fail, not at each look. */
function tellChange(log: Log, before: readonly Failing[], after: readonly Failing[]): void {
  const text = (list: readonly Failing[]) => list.map(({ problem }) => problem).join("; ");
  if (text(before) === text(after)) return;
  if (after.length === 0) log.info("ready");
  else log.error({ failing: after.map(({ fact, problem, fix }) => ({ fact, problem, fix })) }, "not ready");
}

/** @param read makes the look; never rejects */
export function openReadiness(read: () => Promise<Failing[]>, log: Log): Readiness {
  let failing: readonly Failing[] = [];
  let readAt = -Infinity;
  let freshMs = FRESH_MS;
  let lastTookMs = 0;
  let running: Promise<readonly Failing[]> | null = null;

  const look = async () => {
    const start = performance.now();
    const found = await read();
    tellChange(log, failing, found);
    failing = found;
    readAt = performance.now();
    // A catalog of thousands of tables takes a while to look through: never more than a twentieth of the time. One look that took long may
    // have waited for something else, such as a server that stood still, and then nobody would hear what has changed since.
    const tookMs = readAt - start;
    freshMs = Math.max(FRESH_MS, 20 * Math.min(tookMs, lastTookMs));
    lastTookMs = tookMs;
    running = null;
    return failing;
  };
  const ask = () => (running ??= look());
  const age = () => performance.now() - readAt;

  return {
    current: async () => (age() < freshMs && running === null ? failing : ask()),
    admit: () => {
      const old = age();
      if (old >= freshMs + RECENT_MS) return ask().then(refuse);
      if (old >= freshMs) void ask();
      refuse(failing);
    },
  };
}
