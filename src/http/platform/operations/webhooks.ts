import { z } from "zod";
import {
  DELIVERY_STATES,
  listDeliveries,
  pingWebhook,
  redeliver,
  redeliverFailed,
} from "../../../webhook/deliveries.ts";
import { WEBHOOK_EVENT_TYPES } from "../../../webhook/event.ts";
import {
  addWebhook,
  changeWebhook,
  findWebhook,
  listWebhooks,
  OVERLAP_HOURS,
  removeWebhook,
  rotateWebhook,
  type WebhookDesk,
} from "../../../webhook/webhooks.ts";
import { operation, type Call, type Operation } from "../operation.ts";
import type { PlatformSources } from "../sources.ts";
import { page, paged, time } from "./shapes.ts";

const tag = "Webhooks";
const events = z.array(z.enum(WEBHOOK_EVENT_TYPES)).min(1).max(100).nullable();
const webhook = z.object({
  id: z.uuid(),
  url: z.string(),
  description: z.string().nullable(),
  events: events.describe("What it is told; null: everything"),
  isActive: z.boolean(),
  failingSince: time.nullable().describe("The first failure since the last success"),
  disabledAt: time.nullable(),
  disabledReason: z.enum(["operator", "failing", "gone"]).nullable(),
  rotatingUntil: time.nullable().describe("Until then the secret before signs as well"),
  createdAt: time,
  updatedAt: time,
});
const withSecret = webhook.extend({ secret: z.string().describe("whsec_…, shown this once") });
const delivery = z.object({
  id: z.uuid(),
  webhookId: z.uuid(),
  eventId: z.uuid().describe("The webhook-id of its requests"),
  type: z.string(),
  tenantId: z.uuid().nullable(),
  sequence: z.string(),
  state: z.enum(DELIVERY_STATES),
  attempts: z.number().int(),
  triedAt: time.nullable(),
  nextAt: time.nullable(),
  deliveredAt: time.nullable(),
  failedAt: time.nullable(),
  status: z.number().int().nullable(),
  response: z.string().nullable().describe("How the last answer's body begins"),
  error: z.string().nullable(),
  createdAt: time,
});
const facts = {
  url: z.string().min(1).max(1000),
  description: z.string().trim().min(1).max(500).nullish(),
  events: events.optional(),
};
const idOf = ({ params }: Pick<Call, "params">) => params["webhook"]!;

interface Desks {
  readonly pool: WebhookDesk["pool"];
  readonly deskOf: (call: Pick<Call, "actor">) => WebhookDesk;
}

const readOperations = ({ pool }: Desks): Operation[] => [
  operation({
    method: "GET",
    path: "/webhooks",
    tag,
    summary: "Who is told of what happens to tenants",
    permission: "webhooks.read",
    answer: z.array(webhook),
    handle: async () => ({ body: await listWebhooks(pool) }),
  }),
  operation({
    method: "GET",
    path: "/webhooks/:webhook",
    tag,
    summary: "One webhook",
    permission: "webhooks.read",
    answer: webhook,
    handle: async (call) => ({ body: await findWebhook(pool, idOf(call)) }),
  }),
  operation({
    method: "GET",
    path: "/webhooks/:webhook/deliveries",
    tag,
    summary: "What was sent to it and what waits, the newest event first",
    permission: "webhooks.read",
    query: page.extend({
      state: z.enum(DELIVERY_STATES).optional(),
      after: z
        .string()
        .regex(/^\d{1,18}$/)
        .optional(),
    }),
    answer: z.array(delivery),
    handle: async (call) => {
      const { limit, after, state } = call.query;
      const found = await listDeliveries(pool, idOf(call), { state, before: after, limit });
      return paged(found, limit, ({ sequence }) => sequence);
    },
  }),
];

const changeOperations = ({ deskOf }: Desks): Operation[] => [
  operation({
    method: "POST",
    path: "/webhooks",
    tag,
    summary: "Have an address told of what happens from now on; the answer has the secret that signs",
    permission: "webhooks.write",
    status: 201,
    body: z.strictObject(facts),
    answer: withSecret,
    secrets: ["secret"],
    handle: async (call) => {
      const made = await addWebhook(deskOf(call), call.body);
      return { body: made, location: `/webhooks/${made.id}` };
    },
  }),
  operation({
    method: "PATCH",
    path: "/webhooks/:webhook",
    tag,
    summary: "Change it, or switch it off and on; what happens while it is off is delivered when it is on again",
    permission: "webhooks.write",
    body: z.strictObject({ ...facts, url: facts.url.optional(), isActive: z.boolean().optional() }),
    answer: webhook,
    handle: async (call) => ({ body: await changeWebhook(deskOf(call), idOf(call), call.body) }),
  }),
  operation({
    method: "DELETE",
    path: "/webhooks/:webhook",
    tag,
    summary: "Remove it, and what waits for it",
    permission: "webhooks.write",
    answer: webhook,
    handle: async (call) => ({ body: await removeWebhook(deskOf(call), idOf(call)) }),
  }),
  operation({
    method: "POST",
    path: "/webhooks/:webhook/rotate",
    tag,
    summary: "Give it another secret; the one before signs as well for a while",
    permission: "webhooks.write",
    body: z.strictObject({ overlapHours: z.number().int().min(0).max(720).default(OVERLAP_HOURS) }),
    answer: withSecret,
    secrets: ["secret"],
    handle: async (call) => ({ body: await rotateWebhook(deskOf(call), idOf(call), call.body.overlapHours) }),
  }),
];

const sendOperations = ({ deskOf }: Desks): Operation[] => [
  operation({
    method: "POST",
    path: "/webhooks/:webhook/ping",
    tag,
    summary: "Send a test event, webhook.ping, once; the list of deliveries tells what came of it",
    permission: "webhooks.write",
    status: 202,
    answer: delivery,
    handle: async (call) => ({ body: await pingWebhook(deskOf(call), idOf(call)) }),
  }),
  operation({
    method: "POST",
    path: "/webhooks/:webhook/redeliver",
    tag,
    summary: "Send all once more that were given up",
    permission: "webhooks.write",
    status: 202,
    answer: z.object({ count: z.number().int() }),
    handle: async (call) => ({ body: { count: await redeliverFailed(deskOf(call), idOf(call)) } }),
  }),
  operation({
    method: "POST",
    path: "/webhooks/:webhook/deliveries/:delivery/redeliver",
    tag,
    summary: "Send one once more, delivered or not, under the same webhook-id",
    permission: "webhooks.write",
    status: 202,
    answer: delivery,
    handle: async (call) => ({ body: await redeliver(deskOf(call), idOf(call), call.params["delivery"]!) }),
  }),
];

export const webhookOperations = ({ home, outboundAllowed }: PlatformSources): Operation[] => {
  const pool = home.platform;
  const desks: Desks = { pool, deskOf: ({ actor }) => ({ pool, actor, allowed: outboundAllowed }) };
  return [readOperations, changeOperations, sendOperations].flatMap((make) => make(desks));
};
