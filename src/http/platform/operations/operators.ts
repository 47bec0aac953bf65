import { z } from "zod";
import { inviteOperator, operatorLink } from "../../../auth/operator-links.ts";
import { changeOperator, listOperators } from "../../../auth/operators.ts";
import { originUnder } from "../../../tenant/origin.ts";
import { operation, type Operation } from "../operation.ts";
import type { PlatformSources } from "../sources.ts";
import { email, operator, personName, time } from "./shapes.ts";

const tag = "Operators";
const role = operator.shape.role;

export const operatorOperations = (sources: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: "/operators",
    tag,
    summary: "All operators",
    permission: "operators.read",
    answer: z.array(operator),
    handle: async () => ({ body: await listOperators(sources.home.platform) }),
  }),
  operation({
    method: "POST",
    path: "/operators",
    tag,
    summary: "Invite an operator; the link is shown once, and is yours to pass on",
    permission: "operators.write",
    status: 201,
    body: z.strictObject({ email, role }),
    answer: z.object({ email: z.string(), role, token: z.string(), link: z.url(), expiresAt: time }),
    secrets: ["token", "link"],
    handle: async ({ body, actor }) => {
      const link = await inviteOperator(sources.home.platform, body, actor);
      return { body: { ...link, link: operatorLink(originUnder(sources, "admin"), link) } };
    },
  }),
  operation({
    method: "PATCH",
    path: "/operators/:operator",
    tag,
    summary: "Change an operator by id or e-mail address; a new role, or none any more, ends the sign-ins",
    permission: "operators.write",
    body: z.strictObject({ name: personName.nullish(), role: role.optional(), isActive: z.boolean().optional() }),
    answer: operator,
    handle: async ({ params, body, actor }) => ({
      body: await changeOperator(sources.home.platform, params["operator"]!, body, actor),
    }),
  }),
];
