import { z } from "zod";
import { readEmail } from "../../../auth/email.ts";
import { changeMember, inviteMember, listMembers } from "../../../auth/members.ts";
import { primaryHost } from "../../../tenant/domains.ts";
import { operation, type Operation } from "../operation.ts";
import { insideAs, tenantOf, type PlatformSources } from "../sources.ts";
import { email, membershipRole, personName } from "./shapes.ts";

const tag = "Users of a tenant";
const user = z.looseObject({
  id: z.uuid(),
  email: z.string(),
  name: z.string().nullable(),
  role: membershipRole,
  isActive: z.boolean(),
  hasPassword: z.boolean(),
});

/** Where links of the tenant lead, as they stand in e-mails. */
async function placeOf(sources: PlatformSources, tenant: { id: string; slug: string; name: string }) {
  const url = new URL(sources.publicUrl);
  url.hostname = await primaryHost(sources.home.platform, tenant, sources.baseDomain);
  return { tenantName: tenant.name, origin: url.origin, redirectTo: null };
}

export const userOperations = (sources: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: "/tenants/:tenant/users",
    tag,
    summary: "Its users, by e-mail address",
    permission: "users.read",
    answer: z.array(user),
    handle: async (call) => {
      const desk = sources.deskOf(await tenantOf(sources, call), call.requestId);
      return { body: await listMembers(desk, insideAs(call)) };
    },
  }),
  operation({
    method: "POST",
    path: "/tenants/:tenant/users",
    tag,
    summary: "Invite a user by e-mail; who was invited and has not come yet is sent a new link",
    permission: "users.write",
    status: 201,
    body: z.strictObject({ email, role: membershipRole.default("member"), name: personName.optional() }),
    answer: user,
    handle: async (call) => {
      const tenant = await tenantOf(sources, call);
      const desk = sources.deskOf(tenant, call.requestId);
      const member = {
        email: readEmail(call.body.email),
        role: call.body.role,
        profile: { name: call.body.name, custom: {} },
      };
      return { body: await inviteMember(desk, insideAs(call), member, await placeOf(sources, tenant)) };
    },
  }),
  operation({
    method: "PATCH",
    path: "/tenants/:tenant/users/:email",
    tag,
    summary: "Deactivate or activate a user, or give another role; it counts at the user's next request",
    permission: "users.write",
    body: z.strictObject({ role: membershipRole.optional(), isActive: z.boolean().optional() }),
    answer: user,
    handle: async (call) => {
      const desk = sources.deskOf(await tenantOf(sources, call), call.requestId);
      return { body: await changeMember(desk, insideAs(call), readEmail(call.params["email"]), call.body) };
    },
  }),
];
