import { z } from "zod";
import { beginImpersonation, endImpersonation, listImpersonations } from "../../../auth/impersonations.ts";
import { originUnder } from "../../../tenant/origin.ts";
import { operation, type Operation } from "../operation.ts";
import { insideAs, tenantOf, type PlatformSources } from "../sources.ts";
import { membershipRole, reason } from "./shapes.ts";

const tag = "Impersonation";
const impersonation = z.object({
  id: z.uuid(),
  operator: z.string(),
  reason: z.string(),
  role: membershipRole,
  writes: z.boolean(),
  startedAt: z.string(),
  expiresAt: z.string(),
  endedAt: z.string().nullable(),
});
const path = "/tenants/:tenant/impersonations";

export const impersonationOperations = (sources: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path,
    tag,
    summary: "Who of the operators was in the tenant, the newest first",
    permission: "audit.read",
    answer: z.array(impersonation),
    handle: async (call) => {
      const desk = sources.deskOf(await tenantOf(sources, call), call.requestId);
      return { body: await listImpersonations(desk, insideAs(call)) };
    },
  }),
  operation({
    method: "POST",
    path,
    tag,
    summary: "Come into a tenant as one of its members would, for a time; it sees who, why and what was changed",
    permission: "impersonate",
    status: 201,
    body: z.strictObject({
      reason,
      role: membershipRole.default("viewer"),
      minutes: z.number().int().min(1).max(480).default(30),
      writes: z.boolean().default(false),
    }),
    answer: impersonation.extend({ token: z.string(), url: z.url() }),
    secrets: ["token"],
    handle: async (call) => {
      const tenant = await tenantOf(sources, call);
      const desk = sources.deskOf(tenant, call.requestId);
      const wanted = { ...call.body, operator: call.operator!.email };
      const begun = await beginImpersonation(desk, insideAs(call), wanted);
      const token = await sources.mint({
        tenantId: tenant.id,
        sub: call.actor,
        role: begun.role,
        ttlSeconds: call.body.minutes * 60,
        claims: { impersonation_id: begun.id },
      });
      return { body: { ...begun, token, url: originUnder(sources, tenant.slug) } };
    },
  }),
  operation({
    method: "DELETE",
    path: `${path}/:impersonation`,
    tag,
    summary: "End it; its token is refused at the next request",
    permission: "impersonate",
    answer: impersonation,
    handle: async (call) => {
      const desk = sources.deskOf(await tenantOf(sources, call), call.requestId);
      return { body: await endImpersonation(desk, insideAs(call), call.params["impersonation"]!) };
    },
  }),
];
