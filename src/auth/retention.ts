import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionPool } from "../db/connections.ts";
import { claimJob, endJob } from "../db/job.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Actor, Desk } from "./desk.ts";
import { purgeTrail } from "./trail.ts";

export interface RetentionSources {
  /** Connections of rowhouse_platform, of the registry's database. */
  readonly platform: ConnectionPool;
  readonly listTenants: () => Promise<readonly Tenant[]>;
  readonly deskOf: (tenant: Tenant) => Desk;
  readonly onPurged?: (purged: { readonly tenants: number; readonly events: number }) => void;
  /** Of one tenant, or of the whole round when there is none. */
  readonly onError: (error: unknown, tenant?: Tenant) => void;
  readonly everySeconds?: number;
  /** How often it is looked whether it is due. */
  readonly lookMs?: number;
}

/** Keeps audit trails as long as plans say, for as long as the server runs. */
export interface Retention {
  close(): Promise<void>;
}

export const RETENTION_JOB = "audit_retention";
const DAY = 86_400;
const HOUR_MS = 3_600_000;
const ACTOR: Actor = { principal: "platform:retention", role: "owner" };

/**
 * Purges the audit trail of every tenant, when a day has gone by since any server did so. A tenant that can't be reached, or is being
 * moved, waits for the next day.
 * @returns whether it was due
 */
export async function purgeDue(sources: RetentionSources, isClosed: () => boolean = () => false): Promise<boolean> {
  const { platform, everySeconds = DAY, onError, onPurged } = sources;
  if (!(await claimJob(platform, RETENTION_JOB, everySeconds))) return false;
  let [tenants, events] = [0, 0];
  // One after the other: nobody waits for it.
  for (const tenant of await sources.listTenants()) {
    if (isClosed()) return true;
    try {
      events += await purgeTrail(sources.deskOf(tenant), ACTOR);
      tenants++;
    } catch (error) {
      onError(error, tenant);
    }
  }
  await endJob(platform, RETENTION_JOB);
  onPurged?.({ tenants, events });
  return true;
}

/** Any number of processes may run one. */
export function openRetention(sources: RetentionSources): Retention {
  const { lookMs = HOUR_MS, onError } = sources;
  const closing = new AbortController();
  const isClosed = () => closing.signal.aborted;
  const wait = (ms: number) => sleep(ms, undefined, { signal: closing.signal, ref: false }).catch(() => {});
  const run = async () => {
    // Not at the very start, when everything else begins as well.
    await wait(Math.min(lookMs, 60_000));
    while (!isClosed()) {
      await purgeDue(sources, isClosed).catch((error: unknown) => onError(error));
      await wait(lookMs);
    }
  };
  const running = run();
  return {
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
