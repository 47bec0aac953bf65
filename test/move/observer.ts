import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { TestDatabase } from "../harness.ts";

interface Seen {
  readonly livesHere: boolean;
  /** 0 where the database has no row of the tenant: none yet, or no longer, since an arrival that was given up leaves nothing. */
  readonly epoch: number;
  readonly isArriving: boolean;
}

/** Watches what two databases say about a tenant, and keeps what must never be. */
export interface Observer {
  /** How often it looked. */
  readonly looks: () => number;
  readonly violations: readonly string[];
  stop(): Promise<void>;
}

async function look(admin: pg.Client, tenantId: string): Promise<Seen> {
  const { rows } = await admin.query<Seen>(
    `select moved_to is null as "livesHere", epoch::int as epoch, arriving is not null as "isArriving"
     from platform.tenants where id = $1`,
    [tenantId],
  );
  return rows[0] ?? { livesHere: false, epoch: 0, isArriving: false };
}

/**
 * The invariants of the model (docs/explanations/move-model.md) that can be seen from outside: one database at most has the
 * tenant, whatever moment one looks; epochs never go back; nobody arrives where the tenant lives.
 */
export function observe(databases: readonly Pick<TestDatabase, "admin">[], tenantId: string): Observer {
  const [one, two] = databases as [Pick<TestDatabase, "admin">, Pick<TestDatabase, "admin">];
  const violations: string[] = [];
  const epochs = [0, 0];
  let looks = 0;
  let stopped = false;
  const check = ({ livesHere, epoch, isArriving }: Seen, index: number) => {
    if (epoch > 0 && epoch < epochs[index]!)
      violations.push(`the epoch of database ${index} went from ${epochs[index]} to ${epoch}`);
    if (epoch > 0) epochs[index] = epoch;
    if (livesHere && isArriving) violations.push(`the tenant arrives in database ${index}, where it lives`);
  };
  const run = async () => {
    while (!stopped) {
      // The first again after the second: between two looks it may have moved from one to the other, but not there and back.
      const before = await look(one.admin, tenantId);
      const between = await look(two.admin, tenantId);
      const after = await look(one.admin, tenantId);
      [before, between, after].forEach((seen, index) => check(seen, index % 2));
      if (before.livesHere && between.livesHere && after.livesHere && before.epoch === after.epoch)
        violations.push(`both have the tenant, at epochs ${before.epoch} and ${between.epoch}`);
      looks++;
      await sleep(5);
    }
  };
  const running = run();
  return {
    looks: () => looks,
    violations,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
