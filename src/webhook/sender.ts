import { setTimeout as sleep } from "node:timers/promises";
import type { Connections, ConnectionPool } from "../db/connections.ts";
import type { CheckedFetch } from "../net/checked-fetch.ts";
import { attempt } from "./attempt.ts";
import { collectEvents } from "./collect.ts";
import type { ClaimedDelivery } from "./delivery.ts";
import { claimDeliveries, findDueWebhooks, settle, type Settled } from "./queue.ts";
import { purgeDue } from "./retention.ts";

export interface WebhookSources {
  /** Connections of rowhouse_platform of the registry's database, where the webhooks are. */
  readonly home: ConnectionPool;
  /** The other databases that can be reached now: what is told there is brought home. */
  readonly others: () => Promise<readonly Connections[]>;
  readonly fetch: CheckedFetch;
  /** WEBHOOK_DAYS */
  readonly keptDays: number;
  readonly onSettled?: (delivery: ClaimedDelivery, settled: Settled) => void;
  readonly onError: (error: unknown) => void;
  readonly pauseMs?: number;
  /** Of one try. */
  readonly timeoutMs?: number;
}

/** Delivers events, for as long as the server runs. */
export interface WebhookSender {
  /** Stops what is under way, which is sent again later. */
  close(): Promise<void>;
}

/** To one receiver, by one process. */
const AT_ONCE = 4;
/** Databases that are looked at side by side: each look may take one of the few connections to the registry's. */
const LOOKS = 3;
/** How often it is looked whether old events are due to go. */
const PURGE_LOOK_MS = 600_000;

async function deliver(sources: WebhookSources, delivery: ClaimedDelivery, signal: AbortSignal): Promise<void> {
  const outcome = await attempt(sources.fetch, delivery, signal, sources.timeoutMs);
  const settled = await settle(sources.home, delivery, outcome);
  sources.onSettled?.(delivery, settled);
}

/** All that is due to one webhook, until there is none. @returns how many there were */
async function runLane(sources: WebhookSources, webhookId: string, signal: AbortSignal): Promise<number> {
  let count = 0;
  while (!signal.aborted) {
    const claimed = await claimDeliveries(sources.home, webhookId, AT_ONCE);
    if (claimed.length === 0) break;
    await Promise.all(claimed.map((delivery) => deliver(sources, delivery, signal)));
    count += claimed.length;
  }
  return count;
}

/** A database that fails is told of, and like one that is slow it keeps few others waiting. */
async function collectAll({ home, others, onError }: WebhookSources): Promise<void> {
  const waiting = (await others()).values();
  const look = async () => {
    for (const there of waiting) await collectEvents(home, there).catch(onError);
  };
  await Promise.all(Array.from({ length: LOOKS }, look));
}

/** One round of all that is due now, to its end. @returns how many deliveries there were */
export async function deliverDue(
  sources: WebhookSources,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  await collectAll(sources);
  const due = await findDueWebhooks(sources.home);
  const counts = await Promise.all(due.map((id) => runLane(sources, id, signal)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Any number of processes may run one. Each webhook has a lane of its own, so that a slow receiver keeps nobody else waiting. An event is
 * delivered at least once: whoever dies between the receiver's answer and our note of it has it sent again, under the same id.
 */
export function openWebhookSender(sources: WebhookSources): WebhookSender {
  const { home, keptDays, onError, pauseMs = 2000 } = sources;
  const closing = new AbortController();
  const { signal } = closing;
  const lanes = new Map<string, Promise<unknown>>();
  let lookedAt = -Infinity;

  const purge = async () => {
    if (performance.now() - lookedAt < PURGE_LOOK_MS) return;
    lookedAt = performance.now();
    await purgeDue(home, keptDays);
  };
  const openLanes = async () => {
    for (const id of await findDueWebhooks(home)) {
      if (lanes.has(id)) continue;
      const lane = runLane(sources, id, signal).catch(onError);
      lanes.set(
        id,
        lane.finally(() => lanes.delete(id)),
      );
    }
  };
  const run = async () => {
    while (!signal.aborted) {
      await collectAll(sources).then(openLanes).then(purge).catch(onError);
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
    await Promise.all(lanes.values());
  };
  const running = run();
  return {
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
