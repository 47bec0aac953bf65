import { RowhouseError } from "../errors.ts";

/** Everything that a webhook can be told, and when. `policies/webhooks.sql` writes them, in the transaction of the change. */
export const WEBHOOK_EVENTS = {
  "tenant.created": "A tenant was made, or restored as a new one",
  "tenant.suspended": "Its requests are refused from now on",
  "tenant.activated": "Its requests are let in again",
  "tenant.renamed": "Its slug or its name is another",
  "tenant.moved": "It lives in another database",
  "tenant.deleted": "It is gone, with all its rows",
  "domain.added": "A tenant was given an address under BASE_DOMAIN, or claims one of its own",
  "domain.verified": "The claim was proved, and the tenant is served there",
  "domain.primary": "The tenant's links lead there from now on",
  "domain.removed": "The tenant is not served there any more",
  "subscription.changed": "A tenant's plan, limits, features or their dates are others, the first ones included",
  "demo_request.created": "Somebody would like to try it",
  "demo_request.approved": "The tenant for it is made",
  "demo_request.declined": "It was declined",
} as const;

/** Sent when it is asked for, whatever a webhook wants to be told. */
export const PING = "webhook.ping";

export type WebhookEventType = keyof typeof WEBHOOK_EVENTS;
export const WEBHOOK_EVENT_TYPES = Object.keys(WEBHOOK_EVENTS) as readonly WebhookEventType[];

/** What a delivery is made of. */
export interface WebhookEvent {
  /** uuid; `webhook-id` of each of its deliveries. */
  readonly eventId: string;
  readonly type: string;
  /** Grows with each event; a bigint's digits. */
  readonly sequence: string;
  /** ISO 8601 */
  readonly createdAt: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The body: the same bytes at every try. Pure. */
export function renderEvent({ type, createdAt, sequence, payload }: WebhookEvent): string {
  return JSON.stringify({ type, timestamp: createdAt, sequence, data: payload });
}

/**
 * The events that a webhook is to be told, each once. Pure.
 * @returns null for all of them
 * @throws RowhouseError webhookEventUnknown
 */
export function checkEvents(wanted: readonly string[] | null | undefined): WebhookEventType[] | null {
  if (wanted === null || wanted === undefined || wanted.length === 0) return null;
  const known = new Set<string>(WEBHOOK_EVENT_TYPES);
  const unknown = wanted.find((type) => !known.has(type));
  if (unknown === undefined) return WEBHOOK_EVENT_TYPES.filter((type) => wanted.includes(type));
  throw new RowhouseError("webhookEventUnknown", {
    message: `There is no event ${JSON.stringify(unknown.slice(0, 100))}`,
    hint: WEBHOOK_EVENT_TYPES.join(", "),
  });
}
