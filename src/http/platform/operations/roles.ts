import { z } from "zod";
import { createRole, deleteRole, findRole, grantPermission, listRoles, revokePermission } from "../../../auth/roles.ts";

import { operation, type Call, type Operation } from "../operation.ts";
import { insideAs, tenantOf, type PlatformSources } from "../sources.ts";
import { time } from "./shapes.ts";

const tag = "Roles of a tenant";
const verb = z.enum(["select", "insert", "update", "delete", "*"]);
const table = z.string().min(1).max(127);
const role = z.object({
  name: z.string(),
  description: z.string().nullable(),
  permissions: z.array(z.object({ table: z.string(), verbs: z.array(verb) })),
  users: z.number().int().describe("How many users have it"),
  createdAt: time,
});
const ONE = "/tenants/:tenant/roles/:role";

/** The desk and the name that the path names. */
async function placeOf(sources: PlatformSources, call: Pick<Call, "params" | "requestId">) {
  const desk = sources.deskOf(await tenantOf(sources, call), call.requestId);
  return { desk, name: call.params["role"] ?? "" };
}

export const roleOperations = (sources: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: "/tenants/:tenant/roles",
    tag,
    summary: "The tenant's own roles, besides the built-in ones",
    permission: "users.read",
    answer: z.array(role),
    handle: async (call) => {
      const { desk } = await placeOf(sources, call);
      return { body: await listRoles(desk, insideAs(call)) };
    },
  }),
  operation({
    method: "POST",
    path: "/tenants/:tenant/roles",
    tag,
    summary: "Make a role, which may do nothing yet",
    permission: "users.write",
    status: 201,
    body: z.strictObject({ name: z.string().min(1).max(63), description: z.string().max(500).optional() }),
    answer: role,
    handle: async (call) => {
      const { desk } = await placeOf(sources, call);
      const made = await createRole(desk, insideAs(call), call.body);
      return { body: made, location: `/tenants/${call.params["tenant"]}/roles/${made.name}` };
    },
  }),
  operation({
    method: "GET",
    path: ONE,
    tag,
    summary: "What one of the tenant's own roles may do",
    permission: "users.read",
    answer: role,
    handle: async (call) => {
      const { desk, name } = await placeOf(sources, call);
      return { body: await findRole(desk, insideAs(call), name) };
    },
  }),
  operation({
    method: "DELETE",
    path: ONE,
    tag,
    summary: "Remove a role that no user and no key has",
    permission: "users.write",
    status: 204,
    handle: async (call) => {
      const { desk, name } = await placeOf(sources, call);
      await deleteRole(desk, insideAs(call), name);
      return {};
    },
  }),
  operation({
    method: "POST",
    path: `${ONE}/permissions`,
    tag,
    summary: "Let the role do something with a table, from its next request on",
    permission: "users.write",
    body: z.strictObject({ table, verbs: z.array(verb).min(1) }),
    answer: role,
    handle: async (call) => {
      const { desk, name } = await placeOf(sources, call);
      return { body: await grantPermission(desk, insideAs(call), name, call.body) };
    },
  }),
  operation({
    method: "DELETE",
    path: `${ONE}/permissions/:table`,
    tag,
    summary: "Take permissions back, from the role's next request on; all of the table's without verbs",
    permission: "users.write",
    query: z.object({ verbs: z.string().max(100).default("*").describe("Separated by commas") }),
    answer: role,
    handle: async (call) => {
      const { desk, name } = await placeOf(sources, call);
      const taken = { table: call.params["table"] ?? "", verbs: call.query.verbs.split(",") };
      return { body: await revokePermission(desk, insideAs(call), name, taken) };
    },
  }),
];
