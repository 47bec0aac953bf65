import { z } from "zod";
import { approveDemo, declineDemo } from "../../../demo/approve.ts";
import { findDemoRequest, listDemoRequests } from "../../../demo/request.ts";
import { originUnder } from "../../../tenant/origin.ts";
import { operation, type Operation } from "../operation.ts";
import type { PlatformSources } from "../sources.ts";
import { location, membershipRole, page, paged, slug, tenant, time } from "./shapes.ts";

const tag = "Demo requests";
const status = z.enum(["open", "approved", "declined"]);
const request = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  company: z.string(),
  slug: z.string().nullable(),
  industry: z.string().nullable(),
  size: z.string().nullable(),
  locations: z.array(location),
  message: z.string().nullable(),
  status,
  tenantId: z.uuid().nullable(),
  decidedAt: time.nullable(),
  decidedBy: z.string().nullable(),
  note: z.string().nullable(),
  createdAt: time,
});
const note = z.string().max(2000).optional();

export const demoOperations = (sources: PlatformSources): Operation[] => {
  const { platform: pool, database } = sources.home;
  const originOf = (label: string) => originUnder(sources, label);
  return [
    operation({
      method: "GET",
      path: "/demo-requests",
      tag,
      summary: "Demo requests, the oldest first",
      permission: "demo.read",
      query: page.extend({ status: status.optional() }),
      answer: z.array(request),
      handle: async ({ query }) => paged(await listDemoRequests(pool, query), query.limit, ({ id }) => id),
    }),
    operation({
      method: "GET",
      path: "/demo-requests/:request",
      tag,
      summary: "One demo request",
      permission: "demo.read",
      answer: request,
      handle: async ({ params }) => ({ body: await findDemoRequest(pool, params["request"]!) }),
    }),
    operation({
      method: "POST",
      path: "/demo-requests/:request/approve",
      tag,
      summary: "Tenant, subdomain, plan, first user, role and welcome e-mail in one step; again it changes nothing",
      permission: "demo.decide",
      body: z.strictObject({
        slug: slug.optional().describe("The one that was asked for, or one made of the company's name, when left out"),
        plan: z.string().max(63).optional(),
        trialDays: z.number().int().min(1).max(366).optional(),
        role: membershipRole.optional(),
        note,
      }),
      answer: z.object({ request, tenant }),
      handle: async ({ params, body, actor }) => {
        const demo = { pool, keyring: database.keyring, originOf };
        const { request: decided, tenant: made } = await approveDemo(demo, params["request"]!, body, actor);
        return { body: { request: decided, tenant: { ...made, url: originOf(made.slug) } } };
      },
    }),
    operation({
      method: "POST",
      path: "/demo-requests/:request/decline",
      tag,
      summary: "Decline it; nobody is told",
      permission: "demo.decide",
      body: z.strictObject({ note }),
      answer: request,
      handle: async ({ params, body, actor }) => ({
        body: await declineDemo(pool, params["request"]!, body.note, actor),
      }),
    }),
  ];
};
