import type { Connections } from "../db/connections.ts";
import { inPlatformTransaction, withConnection } from "../db/transaction.ts";
import { HOLDING_TRIES, pauseAfter, type ClaimedDelivery, type Outcome } from "./delivery.ts";

/** Longer than a try can take: whoever holds a delivery so long has died. */
const LEASE = "2 minutes";
/** How long nothing at all has to have arrived for a delivery that is given up to take the webhook with it. */
const FAILING = "2 days";

const WAITS = (alias: string) => `${alias}.delivered_at is null and ${alias}.failed_at is null`;

const DUE = `
  select w.id from platform.webhooks w
  where exists (select from platform.webhook_deliveries d
    where d.webhook_id = w.id and ${WAITS("d")} and d.next_at <= now() and (w.is_active or d.is_test))`;

/** The oldest first, and of each subject one at a time, also with other processes at work: what they have under way still waits here. */
const CLAIM = `
  update platform.webhook_deliveries d set attempts = d.attempts + 1, next_at = now() + $3::interval, tried_at = now()
  from platform.webhook_events e, platform.webhooks w
  where e.id = d.event_id and w.id = d.webhook_id and d.id in (
    select p.id from platform.webhook_deliveries p join platform.webhooks h on h.id = p.webhook_id
    where p.webhook_id = $1 and ${WAITS("p")} and p.next_at <= now() and (h.is_active or p.is_test)
      and not exists (select from platform.webhook_deliveries q
        where q.webhook_id = $1 and q.subject = p.subject and q.sequence < p.sequence and ${WAITS("q")} and q.attempts <= $4)
    order by p.sequence limit $2 for update of p skip locked)
  returning d.id, d.webhook_id as "webhookId", d.attempts, d.is_test as "isTest", w.url,
    case when w.former_until > now() then array[w.secret, w.former_secret] else array[w.secret] end as secrets,
    e.id as "eventId", e.type, e.sequence::text as sequence, e.payload, platform.time_text(e.created_at) as "createdAt"`;

/** Webhooks that something is to be sent to now. @param pool connections of rowhouse_platform */
export function findDueWebhooks(pool: Connections): Promise<string[]> {
  return withConnection(pool, async (client) => (await client.query<{ id: string }>(DUE)).rows.map(({ id }) => id));
}

/** Takes deliveries of a webhook that are due, which no other process then takes. */
export function claimDeliveries(pool: Connections, webhookId: string, most: number): Promise<ClaimedDelivery[]> {
  return withConnection(
    pool,
    async (client) => (await client.query<ClaimedDelivery>(CLAIM, [webhookId, most, LEASE, HOLDING_TRIES])).rows,
  );
}

/** That a success is written down, be it late, saves the receiver another one. */
const SETTLE = `
  with settled as (
    update platform.webhook_deliveries d set
      delivered_at = case when $3 then now() end,
      failed_at = case when not $3 and $4::integer is null then now() end,
      next_at = case when $4::integer is null then d.next_at else now() + make_interval(secs => $4) end,
      status = $5, error = $6, response = $7
    where d.id = $1 and ${WAITS("d")} and (d.attempts = $2 or $3)
    returning d.webhook_id, d.is_test)
  update platform.webhooks w set failing_since = case when $3 then null else now() end
  from settled s where w.id = s.webhook_id and not s.is_test and (w.failing_since is null) <> $3`;

/** Gives back what was not to its end: it counts as no try. */
async function release(pool: Connections, { id, attempts }: ClaimedDelivery): Promise<void> {
  await withConnection(pool, (client) =>
    client.query(
      `update platform.webhook_deliveries d set attempts = d.attempts - 1, next_at = now()
       where d.id = $1 and d.attempts = $2 and ${WAITS("d")}`,
      [id, attempts],
    ),
  );
}

/** @returns whether it was this that switched the webhook off */
async function disable(pool: Connections, webhookId: string, reason: "failing" | "gone"): Promise<boolean> {
  const { rowCount } = await inPlatformTransaction(pool, "platform:webhooks", (client) =>
    client.query(
      `update platform.webhooks set is_active = false, disabled_at = now(), disabled_reason = $2, updated_at = now()
       where id = $1 and is_active and ($2 = 'gone' or failing_since <= now() - $3::interval)`,
      [webhookId, reason, FAILING],
    ),
  );
  return rowCount === 1;
}

/** What came of a try. */
export interface Settled {
  readonly outcome: Outcome;
  /** Seconds until the next one; null when there is none. */
  readonly pause: number | null;
  /** Why this try switched the webhook off. */
  readonly disabled: "failing" | "gone" | null;
}

/** Writes down how a try ended. A webhook whose receiver is gone (410), or has taken nothing for days, is switched off. */
export async function settle(pool: Connections, delivery: ClaimedDelivery, outcome: Outcome): Promise<Settled> {
  if (outcome.kind === "stopped") {
    await release(pool, delivery);
    return { outcome, pause: 0, disabled: null };
  }
  const isDelivered = outcome.kind === "delivered";
  const { status, response } = outcome;
  const error = isDelivered ? null : outcome.error.slice(0, 1000);
  const isOver = isDelivered || delivery.isTest || status === 410;
  const pause = isOver ? null : pauseAfter(delivery.attempts, Math.random(), outcome.retryAfter);
  const values = [delivery.id, delivery.attempts, isDelivered, pause, status, error, response];
  await withConnection(pool, (client) => client.query(SETTLE, values));
  if (isDelivered || delivery.isTest || pause !== null) return { outcome, pause, disabled: null };
  const reason = status === 410 ? "gone" : "failing";
  return { outcome, pause, disabled: (await disable(pool, delivery.webhookId, reason)) ? reason : null };
}
