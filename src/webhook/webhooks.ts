import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { UUID } from "../db/uuid.ts";
import { RowhouseError } from "../errors.ts";
import { checkEvents, type WebhookEventType } from "./event.ts";
import { formatSecret, newSecret } from "./signature.ts";
import { checkWebhookUrl } from "./url.ts";

/** An address that is told of what happens to tenants. */
export interface Webhook {
  /** uuid */
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  /** Null: all of them, and those that come with a later version. */
  readonly events: readonly WebhookEventType[] | null;
  readonly isActive: boolean;
  /** ISO 8601: the first failure since the last success. */
  readonly failingSince: string | null;
  readonly disabledAt: string | null;
  /** `failing`: nothing arrived for days; `gone`: the receiver answered 410. */
  readonly disabledReason: "operator" | "failing" | "gone" | null;
  /** ISO 8601: until then the secret before signs as well. */
  readonly rotatingUntil: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** With its secret as `whsec_…`, which is shown this once. */
export interface WebhookWithSecret extends Webhook {
  readonly secret: string;
}

export interface WebhookFacts {
  readonly url: string;
  readonly description?: string | null;
  /** Null, none and left out: all. */
  readonly events?: readonly string[] | null;
}
export type WebhookChange = Partial<WebhookFacts> & { readonly isActive?: boolean };

/** Who does it, and where webhooks may lead. */
export interface WebhookDesk {
  /** Connections of rowhouse_platform of the registry's database. */
  readonly pool: ConnectionPool;
  /** For the audit trail. */
  readonly actor: string;
  /** OUTBOUND_ALLOWED */
  readonly allowed: readonly string[];
}

const COLUMNS = `w.id, w.url, w.description, w.events, w.is_active as "isActive", platform.time_text(w.failing_since) as "failingSince",
  platform.time_text(w.disabled_at) as "disabledAt", w.disabled_reason as "disabledReason",
  platform.time_text(case when w.former_until > now() then w.former_until end) as "rotatingUntil",
  platform.time_text(w.created_at) as "createdAt", platform.time_text(w.updated_at) as "updatedAt"`;

/** The refusal where there is no webhook of that id. Pure. */
function unknownWebhook(id: string): RowhouseError {
  return new RowhouseError("webhookUnknown", {
    message: `There is no webhook ${JSON.stringify(id.slice(0, 50))}`,
    hint: "`rowhouse webhook list` shows them.",
  });
}

/** The oldest first. */
export function listWebhooks(pool: ConnectionPool): Promise<Webhook[]> {
  return queryRows<Webhook>(pool, { text: `select ${COLUMNS} from platform.webhooks w order by w.created_at, w.id` });
}

const FIND = `select ${COLUMNS} from platform.webhooks w where w.id = $1`;

/** @throws RowhouseError webhookUnknown, for what is no uuid as well */
export async function findWebhook(pool: ConnectionPool, id: string): Promise<Webhook> {
  const [webhook] = UUID.test(id) ? await queryRows<Webhook>(pool, { text: FIND, values: [id] }) : [];
  if (webhook === undefined) throw unknownWebhook(id);
  return webhook;
}

/**
 * It is told of what happens from now on.
 * @throws RowhouseError outboundRefused, webhookEventUnknown
 */
export async function addWebhook(
  { pool, actor, allowed }: WebhookDesk,
  { url, description, events }: WebhookFacts,
): Promise<WebhookWithSecret> {
  const secret = newSecret();
  const values = [await checkWebhookUrl(url, allowed), description ?? null, checkEvents(events), secret];
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rows } = await client.query<Webhook>(
      `insert into platform.webhooks as w (url, description, events, secret) values ($1, $2, $3, $4) returning ${COLUMNS}`,
      values,
    );
    return { ...rows[0]!, secret: formatSecret(secret) };
  });
}

/** Runs what gives webhooks back, with the id of one as $1. @throws RowhouseError webhookUnknown */
async function askOne(client: DbClient, id: string, text: string, values: readonly unknown[] = []): Promise<Webhook> {
  const { rows } = UUID.test(id) ? await client.query<Webhook>(text, [id, ...values]) : { rows: [] };
  if (rows[0] === undefined) throw unknownWebhook(id);
  return rows[0];
}

/** What waited while it was off is due when it is on again, as if it had never been tried. */
async function wake(client: DbClient, id: string): Promise<void> {
  await client.query(
    `update platform.webhook_deliveries set next_at = now(), attempts = 0
     where webhook_id = $1 and delivered_at is null and failed_at is null`,
    [id],
  );
}

/**
 * What is left out stays. Events are settled when they happen: what waits is delivered, to the URL as it is then.
 * @throws RowhouseError webhookUnknown, outboundRefused, webhookEventUnknown
 */
export async function changeWebhook(
  { pool, actor, allowed }: WebhookDesk,
  id: string,
  { url, description, events, isActive }: WebhookChange,
): Promise<Webhook> {
  const values = [
    url === undefined ? null : await checkWebhookUrl(url, allowed),
    description !== undefined,
    description ?? null,
    events !== undefined,
    checkEvents(events),
    isActive ?? null,
  ];
  return inPlatformTransaction(pool, actor, async (client) => {
    // Not `for update`: events are addressed meanwhile (address_event() holds it `for key share`).
    const { isActive: was } = await askOne(client, id, `${FIND} for no key update`);
    const webhook = await askOne(
      client,
      id,
      `update platform.webhooks w set url = coalesce($2, w.url),
         description = case when $3 then $4 else w.description end, events = case when $5 then $6::text[] else w.events end,
         is_active = coalesce($7, w.is_active), updated_at = now(),
         disabled_at = case coalesce($7, w.is_active) when false then coalesce(w.disabled_at, now()) end,
         disabled_reason = case coalesce($7, w.is_active) when false then coalesce(w.disabled_reason, 'operator') end,
         failing_since = case when $7 and not w.is_active then null else w.failing_since end
       where w.id = $1 returning ${COLUMNS}`,
      values,
    );
    if (webhook.isActive && !was) await wake(client, id);
    return webhook;
  });
}

/** With its deliveries, those that wait included. @throws RowhouseError webhookUnknown */
export function removeWebhook({ pool, actor }: WebhookDesk, id: string): Promise<Webhook> {
  return inPlatformTransaction(pool, actor, (client) =>
    askOne(client, id, `delete from platform.webhooks w where w.id = $1 returning ${COLUMNS}`),
  );
}

/** Hours for which the secret before signs as well, unless told otherwise. */
export const OVERLAP_HOURS = 24;

/**
 * Gives it another secret. Deliveries carry a signature by each until the overlap ends; the one before the former signs no more.
 * @param overlapHours 0: the old one is worth nothing from now on
 * @throws RowhouseError webhookUnknown
 */
export function rotateWebhook(
  { pool, actor }: WebhookDesk,
  id: string,
  overlapHours: number = OVERLAP_HOURS,
): Promise<WebhookWithSecret> {
  const secret = newSecret();
  return inPlatformTransaction(pool, actor, async (client) => {
    const webhook = await askOne(
      client,
      id,
      `update platform.webhooks w set secret = $2, updated_at = now(),
         former_secret = case when $3 > 0 then w.secret end,
         former_until = case when $3 > 0 then now() + make_interval(hours => $3::integer) end
       where w.id = $1 returning ${COLUMNS}`,
      [secret, overlapHours],
    );
    return { ...webhook, secret: formatSecret(secret) };
  });
}
