import { z } from "zod";
import { networkOf, type Limit } from "../../../auth/attempts.ts";
import { acceptLink } from "../../../auth/operator-links.ts";
import { endOperatorSession, openOperatorSession, signInOperator } from "../../../auth/operator-sessions.ts";
import { operation, type Operation } from "../operation.ts";
import type { PlatformSources } from "../sources.ts";
import { email, operator, personName, time } from "./shapes.ts";

const tag = "Sign-in";
const session = z.object({ token: z.string(), expiresAt: time, operator });
const password = z.string().min(1).max(1000);
const QUARTER = 15 * 60;

/** The same limits as tenants' users have. */
function limitsOf(address: string | null, account: string): { account: Limit; address: Limit } {
  return {
    account: { subject: `operator sign-in ${account}`, most: 10, windowSeconds: QUARTER },
    address: { subject: `operator sign-in from ${networkOf(address)}`, most: 100, windowSeconds: QUARTER },
  };
}

export const sessionOperations = ({ home, attempts }: PlatformSources): Operation[] => [
  operation({
    method: "POST",
    path: "/sessions",
    tag,
    summary: "Sign in as an operator; the token is shown once and lives 12 hours",
    permission: null,
    status: 201,
    body: z.strictObject({ email, password }),
    answer: session,
    handle: async ({ body, visitor }) => {
      const limits = limitsOf(visitor.address, body.email.trim().toLowerCase());
      await attempts.count([limits.address, limits.account]);
      const opened = await signInOperator(home.platform, body, visitor);
      await attempts.forgive(limits.account, [limits.address]);
      return { body: opened };
    },
  }),
  operation({
    method: "POST",
    path: "/sessions/link",
    tag,
    summary: "Come in by a one-time link: as the first operator, by an invitation, or for a new password",
    permission: null,
    status: 201,
    body: z.strictObject({
      token: z.string().min(1).max(200),
      email: email.optional().describe("Of the first operator; other links know whose they are"),
      name: personName.optional(),
      password,
    }),
    answer: session,
    handle: async ({ body, visitor }) => {
      await attempts.count([limitsOf(visitor.address, "").address]);
      return { body: await openOperatorSession(home.platform, await acceptLink(home.platform, body), visitor) };
    },
  }),
  operation({
    method: "GET",
    path: "/sessions/current",
    tag,
    summary: "Who I am",
    permission: "any",
    answer: operator,
    handle: async ({ operator: own }) => ({ body: own }),
  }),
  operation({
    method: "DELETE",
    path: "/sessions/current",
    tag,
    summary: "Sign out",
    permission: "any",
    status: 204,
    handle: async ({ sessionId }) => {
      await endOperatorSession(home.platform, sessionId!);
      return {};
    },
  }),
];
