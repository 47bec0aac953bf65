import { z } from "zod";
import { addIssuer, listIssuers, removeIssuer } from "../../../tenant/issuers.ts";
import { operation, type Operation } from "../operation.ts";
import { tenantOf, type PlatformSources } from "../sources.ts";
import { time } from "./shapes.ts";

const tag = "Issuers";
const role = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/);
const issuer = z.object({
  id: z.uuid(),
  tenantId: z.uuid(),
  issuer: z.string(),
  kind: z.enum(["jwks", "secret"]),
  jwksUrl: z.string().nullable(),
  audience: z.string(),
  roleClaim: z.string().nullable(),
  defaultRole: z.string(),
  isActive: z.boolean(),
  createdAt: time,
});

export const issuerOperations = (sources: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: "/tenants/:tenant/issuers",
    tag,
    summary: "Who besides this deployment may sign tokens for the tenant",
    permission: "issuers.read",
    answer: z.array(issuer),
    handle: async (call) => ({ body: await listIssuers(sources.home.platform, (await tenantOf(sources, call)).id) }),
  }),
  operation({
    method: "POST",
    path: "/tenants/:tenant/issuers",
    tag,
    summary: "Register one, by the URL of its key set; without it a shared secret is made, and shown once",
    permission: "issuers.write",
    status: 201,
    body: z.strictObject({
      issuer: z.string().min(1).max(500),
      audience: z.string().min(1).max(500),
      jwksUrl: z
        .url({ protocol: /^https$/ })
        .max(1000)
        .optional(),
      roleClaim: z.string().min(1).max(200).optional(),
      defaultRole: role.optional(),
    }),
    answer: issuer.extend({ secret: z.string().nullable() }),
    secrets: ["secret"],
    handle: async (call) => {
      const { id } = await tenantOf(sources, call);
      return { body: await addIssuer(sources.home.platform, id, call.body, call.actor) };
    },
  }),
  operation({
    method: "DELETE",
    path: "/tenants/:tenant/issuers/:issuer",
    tag,
    summary: "Trust one no more",
    permission: "issuers.write",
    status: 204,
    handle: async (call) => {
      const { id } = await tenantOf(sources, call);
      await removeIssuer(sources.home.platform, id, call.params["issuer"]!, call.actor);
      return {};
    },
  }),
];
