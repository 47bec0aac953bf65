import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionPool } from "../../src/db/connections.ts";
import type { Scope } from "../../src/db/scope.ts";
import { runScoped } from "../../src/db/transaction.ts";

export interface Writer {
  /** Milliseconds that each write took. */
  readonly latencies: readonly number[];
  /** @throws the first write's error, if one failed */
  stop(): Promise<void>;
}

/** Adds customers as requests do, and changes every second one, until it is stopped. */
export function startWriter(pool: ConnectionPool, scope: Scope, name: string): Writer {
  const latencies: number[] = [];
  let stopped = false;
  const run = async () => {
    for (let number = 0; !stopped; number++) {
      const start = performance.now();
      const text =
        number % 2 === 0
          ? "insert into app.customers (number, name) values ($1, $1)"
          : "update app.customers set notes = $1 where number = $1";
      await runScoped(pool, scope, "write", [{ text, values: [`${name}-${number - (number % 2)}`] }]);
      latencies.push(performance.now() - start);
      await sleep(1);
    }
  };
  const running = run();
  running.catch(() => {}); // told by stop()
  return {
    latencies,
    stop: () => {
      stopped = true;
      return running;
    },
  };
}
