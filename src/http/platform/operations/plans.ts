import { z } from "zod";
import { changePlan, createPlan, findPlan, listPlans, removePlan } from "../../../plan/plans.ts";
import { readSubscription, setSubscription, type RunInside } from "../../../plan/subscription.ts";
import { operation, type Call, type Operation } from "../operation.ts";
import { insideAs, tenantOf, type PlatformSources } from "../sources.ts";
import { time } from "./shapes.ts";

const tag = "Plans";
const limits = z.record(z.string().regex(/^[a-z][a-z0-9_]{0,62}$/), z.number().int().min(0));
const features = z.record(z.string().min(1).max(63), z.unknown());
const name = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/);
const facts = {
  title: z.string().min(1).max(200).optional(),
  limits: limits.optional(),
  features: features.optional(),
  isDefault: z.boolean().optional(),
};
const plan = z.object({ name, title: z.string(), limits, features, isDefault: z.boolean(), createdAt: time });

const status = z.enum(["trial", "active", "past_due", "canceled"]);
const subscription = z.object({
  plan: z.string(),
  status,
  limits,
  features,
  trialEndsAt: z.string().nullable(),
  renewsAt: z.string().nullable(),
});

const planOperations = ({ home: { platform } }: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: "/plans",
    tag,
    summary: "What is sold",
    permission: "plans.read",
    answer: z.array(plan),
    handle: async () => ({ body: await listPlans(platform) }),
  }),
  operation({
    method: "POST",
    path: "/plans",
    tag,
    summary: "Make a plan: limits and features, by name",
    permission: "plans.write",
    status: 201,
    body: z.strictObject({ name, ...facts }),
    answer: plan,
    handle: async ({ body, actor }) => ({
      body: await createPlan(platform, body, actor),
      location: `/plans/${body.name}`,
    }),
  }),
  operation({
    method: "GET",
    path: "/plans/:plan",
    tag,
    summary: "One plan",
    permission: "plans.read",
    answer: plan,
    handle: async ({ params }) => ({ body: await findPlan(platform, params["plan"]!) }),
  }),
  operation({
    method: "PATCH",
    path: "/plans/:plan",
    tag,
    summary: "Change what is sold from now on; tenants keep what they subscribed to until it is set again",
    permission: "plans.write",
    body: z.strictObject(facts),
    answer: plan,
    handle: async ({ params, body, actor }) => ({ body: await changePlan(platform, params["plan"]!, body, actor) }),
  }),
  operation({
    method: "DELETE",
    path: "/plans/:plan",
    tag,
    summary: "Sell it no more; tenants that have it keep their limits",
    permission: "plans.write",
    answer: plan,
    handle: async ({ params, actor }) => ({ body: await removePlan(platform, params["plan"]!, actor) }),
  }),
];

export const subscriptionOperations = (sources: PlatformSources): Operation[] => {
  const inside = async (call: Call<unknown, unknown>): Promise<RunInside> => {
    const desk = sources.deskOf(await tenantOf(sources, call), call.requestId);
    return (access, statements) => desk(insideAs(call), access, statements);
  };
  return [
    ...planOperations(sources),
    operation({
      method: "GET",
      path: "/tenants/:tenant/subscription",
      tag,
      summary: "The plan that a tenant is on, and the limits that count for it",
      permission: "subscriptions.read",
      answer: subscription,
      handle: async (call) => {
        const found = await readSubscription(await inside(call));
        if (found !== null) return { body: found };
        const { name: byDefault, limits: most, features: given } = await findPlan(sources.home.platform, null);
        const rest = { status: "active", trialEndsAt: null, renewsAt: null };
        return { body: { plan: byDefault, limits: most, features: given, ...rest } };
      },
    }),
    operation({
      method: "PUT",
      path: "/tenants/:tenant/subscription",
      tag,
      summary: "Put a tenant on a plan, with limits of its own where it was given some",
      permission: "subscriptions.write",
      body: z.strictObject({
        plan: name,
        status: status.optional(),
        limits: limits.optional().describe("In the place of the plan's, by name"),
        features: features.optional(),
        trialEndsAt: time.optional(),
        renewsAt: time.optional(),
      }),
      answer: subscription,
      handle: async (call) => {
        const { plan: wanted, ...change } = call.body;
        const found = await findPlan(sources.home.platform, wanted);
        return { body: await setSubscription(await inside(call), found, change) };
      },
    }),
  ];
};
