import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { UUID } from "../db/uuid.ts";
import { RowhouseError } from "../errors.ts";
import { PING } from "./event.ts";
import { findWebhook, type WebhookDesk } from "./webhooks.ts";

/** An event on its way to a webhook, or what became of it. */
export interface Delivery {
  /** uuid */
  readonly id: string;
  readonly webhookId: string;
  /** uuid: `webhook-id` of its request. */
  readonly eventId: string;
  readonly type: string;
  readonly tenantId: string | null;
  /** Grows with each event; a bigint's digits. */
  readonly sequence: string;
  readonly state: "waits" | "delivered" | "failed";
  readonly attempts: number;
  /** ISO 8601, all times; of the last try. */
  readonly triedAt: string | null;
  /** Of one that waits. */
  readonly nextAt: string | null;
  readonly deliveredAt: string | null;
  /** When it was given up. */
  readonly failedAt: string | null;
  /** Of the last answer. */
  readonly status: number | null;
  /** How its body begins. */
  readonly response: string | null;
  readonly error: string | null;
  readonly createdAt: string;
}

const STATES = {
  waits: "d.delivered_at is null and d.failed_at is null",
  delivered: "d.delivered_at is not null",
  failed: "d.failed_at is not null",
} as const;
export const DELIVERY_STATES = Object.keys(STATES) as Delivery["state"][];

const COLUMNS = `d.id, d.webhook_id as "webhookId", d.event_id as "eventId", e.type, e.tenant_id as "tenantId", d.sequence::text as sequence,
  case when ${STATES.delivered} then 'delivered' when ${STATES.failed} then 'failed' else 'waits' end as state, d.attempts,
  platform.time_text(d.tried_at) as "triedAt", case when ${STATES.waits} then platform.time_text(d.next_at) end as "nextAt",
  platform.time_text(d.delivered_at) as "deliveredAt", platform.time_text(d.failed_at) as "failedAt", d.status, d.response, d.error,
  platform.time_text(e.created_at) as "createdAt"`;

export interface DeliveryFilter {
  readonly state?: Delivery["state"];
  /** `sequence` of the last delivery of the page before: older ones follow. */
  readonly before?: string;
  readonly limit: number;
}

/** Deliveries of a webhook, the newest event first. @throws RowhouseError webhookUnknown */
export async function listDeliveries(
  pool: ConnectionPool,
  webhookId: string,
  { state, before, limit }: DeliveryFilter,
): Promise<Delivery[]> {
  const { id } = await findWebhook(pool, webhookId);
  return queryRows<Delivery>(pool, {
    text: `select ${COLUMNS} from platform.webhook_deliveries d join platform.webhook_events e on e.id = d.event_id
      where d.webhook_id = $1 and ($2::bigint is null or d.sequence < $2) and (${state === undefined ? "true" : STATES[state]})
      order by d.sequence desc limit $3`,
    values: [id, before ?? null, limit],
  });
}

const AGAIN = "delivered_at = null, failed_at = null, attempts = 0, next_at = now()";

function unknownDelivery(id: string): RowhouseError {
  return new RowhouseError("deliveryUnknown", {
    message: `The webhook has no delivery ${JSON.stringify(id.slice(0, 50))}`,
    hint: "`rowhouse webhook deliveries` shows them; old ones are removed.",
  });
}

/** @throws RowhouseError deliveryUnknown */
async function readDelivery(pool: ConnectionPool, webhookId: string, deliveryId: string): Promise<Delivery> {
  const [delivery] = await queryRows<Delivery>(pool, {
    text: `select ${COLUMNS} from platform.webhook_deliveries d join platform.webhook_events e on e.id = d.event_id
      where d.webhook_id = $1 and d.id = $2`,
    values: [webhookId, deliveryId],
  });
  if (delivery === undefined) throw unknownDelivery(deliveryId);
  return delivery;
}

/**
 * Has an event sent once more, under the same id, delivered or not.
 * @throws RowhouseError webhookUnknown, deliveryUnknown
 */
export async function redeliver(
  { pool, actor }: WebhookDesk,
  webhookId: string,
  deliveryId: string,
): Promise<Delivery> {
  const { id } = await findWebhook(pool, webhookId);
  if (!UUID.test(deliveryId)) throw unknownDelivery(deliveryId);
  await inPlatformTransaction(pool, actor, (client) =>
    client.query(`update platform.webhook_deliveries set ${AGAIN} where webhook_id = $1 and id = $2`, [id, deliveryId]),
  );
  return readDelivery(pool, id, deliveryId);
}

/** Has all sent once more that were given up. @returns how many there were @throws RowhouseError webhookUnknown */
export async function redeliverFailed({ pool, actor }: WebhookDesk, webhookId: string): Promise<number> {
  const { id } = await findWebhook(pool, webhookId);
  const { rowCount } = await inPlatformTransaction(pool, actor, (client) =>
    client.query(`update platform.webhook_deliveries d set ${AGAIN} where d.webhook_id = $1 and ${STATES.failed}`, [
      id,
    ]),
  );
  return rowCount ?? 0;
}

/**
 * Has a test event sent, tried once, to a webhook that is off as well.
 * @returns the delivery, by which to see what comes of it
 * @throws RowhouseError webhookUnknown
 */
export async function pingWebhook({ pool, actor }: WebhookDesk, webhookId: string): Promise<Delivery> {
  const { id } = await findWebhook(pool, webhookId);
  const { rows } = await inPlatformTransaction(pool, actor, (client) =>
    client.query<{ id: string }>(
      `with event as (
         insert into platform.webhook_events (type, subject, payload) values ($1, gen_random_uuid(), jsonb_build_object('webhookId', $2::text))
         returning id, sequence, subject)
       insert into platform.webhook_deliveries (webhook_id, event_id, sequence, subject, is_test)
       select $2::uuid, e.id, e.sequence, e.subject, true from event e returning id`,
      [PING, id],
    ),
  );
  return readDelivery(pool, id, rows[0]!.id);
}
