import { z } from "zod";
import { listEvents } from "../../../audit/events.ts";
import { listMails } from "../../../auth/outbox.ts";
import { operation, type Operation } from "../operation.ts";
import { tenantOf, type PlatformSources } from "../sources.ts";
import { page, paged, time } from "./shapes.ts";

const tag = "Audit";
const event = z.object({
  id: z.string(),
  at: time,
  action: z.string(),
  outcome: z.enum(["success", "denied", "failure"]),
  actor: z.string(),
  tenantId: z.uuid().nullable(),
  requestId: z.string().nullable(),
  details: z.looseObject({}),
});
const query = page.extend({
  after: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
});

export const auditOperations = (sources: PlatformSources): Operation[] => {
  const pool = sources.home.platform;
  return [
    operation({
      method: "GET",
      path: "/audit",
      tag,
      summary: "What was done with the deployment, the newest first",
      permission: "audit.read",
      query,
      answer: z.array(event),
      handle: async ({ query: { limit, after } }) =>
        paged(await listEvents(pool, { limit, before: after }), limit, ({ id }) => id),
    }),
    operation({
      method: "GET",
      path: "/tenants/:tenant/audit",
      tag,
      summary: "What the platform did with a tenant; its own audit trail is /rest/v1/audit_events on its host",
      permission: "audit.read",
      query,
      answer: z.array(event),
      handle: async (call) => {
        const { limit, after } = call.query;
        const { id } = await tenantOf(sources, call);
        return paged(await listEvents(pool, { tenant: id, limit, before: after }), limit, (last) => last.id);
      },
    }),
    operation({
      method: "GET",
      path: "/mail",
      tag,
      summary: "The newest e-mails of the outbox, without what is in them",
      permission: "mail.read",
      query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
      answer: z.array(
        z.object({
          id: z.uuid(),
          tenant: z.string(),
          kind: z.string(),
          to: z.string(),
          subject: z.string(),
          attempts: z.number(),
          state: z.enum(["waits", "sends", "sent", "failed", "doubt"]),
          error: z.string().nullable(),
          createdAt: z.string(),
          sentAt: z.string().nullable(),
        }),
      ),
      handle: async ({ query: { limit } }) => {
        const mails = await listMails(pool, null, limit);
        // The text has links that open accounts.
        return { body: mails.map(({ text: _text, html: _html, ...mail }) => mail) };
      },
    }),
  ];
};
