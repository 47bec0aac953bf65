import { setTimeout as sleep } from "node:timers/promises";
import { RowhouseError } from "../errors.ts";

/** Whoever wants to stop waiting says so. */
export interface Patience {
  /** By the process's clock, `performance.now()`. */
  readonly deadline: number;
  /** Whether nobody is there any more to get the answer. */
  readonly isGone: () => boolean;
}

/** Where the writes of fenced tenants wait. */
export interface Fences {
  /** Whether the tenant's writes wait at this moment. */
  isClosed(tenantId: string): boolean;
  /**
   * Waits until the fence is lifted. Costs the database one look at a time for a tenant, however many wait.
   * @param look whether the fence still stands; a failure of any kind lets the waiting ones find out by themselves
   * @throws RowhouseError tenantFenced when patience ends
   */
  wait(tenantId: string, patience: Patience, look: () => Promise<boolean>): Promise<void>;
}

interface Waiter extends Patience {
  readonly resolve: () => void;
  readonly reject: (error: RowhouseError) => void;
}

const FIRST_PAUSE_MS = 2;
const LAST_PAUSE_MS = 25;

/** Nothing waits yet; it holds nothing that would have to be closed. */
export function openFences(): Fences {
  const gates = new Map<string, Set<Waiter>>();

  const sendAway = (waiters: Set<Waiter>) => {
    for (const waiter of waiters) {
      if (!waiter.isGone() && performance.now() < waiter.deadline) continue;
      waiters.delete(waiter);
      waiter.reject(new RowhouseError("tenantFenced", { hint: "Reads go on. Write again in a moment." }));
    }
  };
  const watch = async (waiters: Set<Waiter>, look: () => Promise<boolean>) => {
    // On its own clock: a look may take longer than somebody's patience.
    const sweep = setInterval(() => sendAway(waiters), LAST_PAUSE_MS);
    let stands = true;
    for (let pause = FIRST_PAUSE_MS; stands && waiters.size > 0; pause = Math.min(1.5 * pause, LAST_PAUSE_MS)) {
      await sleep(pause);
      stands = await look().catch(() => false);
    }
    clearInterval(sweep);
  };
  const open = async (tenantId: string, waiters: Set<Waiter>, look: () => Promise<boolean>) => {
    await watch(waiters, look);
    gates.delete(tenantId);
    for (const waiter of waiters) waiter.resolve();
  };

  return {
    isClosed: (tenantId) => gates.has(tenantId),
    wait: (tenantId, patience, look) =>
      new Promise<void>((resolve, reject) => {
        let waiters = gates.get(tenantId);
        if (waiters === undefined) {
          waiters = new Set();
          gates.set(tenantId, waiters);
          queueMicrotask(() => void open(tenantId, waiters!, look));
        }
        waiters.add({ ...patience, resolve, reject });
      }),
  };
}
