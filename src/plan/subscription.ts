import type { Statement } from "../db/statement.ts";
import type { Plan } from "./plans.ts";

/** The plan that a tenant is on, as its own row says. */
export interface Subscription {
  readonly plan: string;
  readonly status: "trial" | "active" | "past_due" | "canceled";
  /** What counts for this tenant: the plan's limits as they were then, and what it was given besides. */
  readonly limits: Readonly<Record<string, number>>;
  readonly features: Readonly<Record<string, unknown>>;
  /** ISO 8601 */
  readonly trialEndsAt: string | null;
  /** ISO 8601 */
  readonly renewsAt: string | null;
}

/** Runs statements in the tenant's context; the auth room's desk does. */
export type RunInside = (access: "read" | "write", statements: readonly Statement[]) => Promise<unknown[][]>;

export type SubscriptionChange = Partial<Omit<Subscription, "plan">>;

const JSON_OF = `json_build_object('plan', s.plan, 'status', s.status, 'limits', s.limits, 'features', s.features,
  'trialEndsAt', platform.time_text(s.trial_ends_at),
  'renewsAt', platform.time_text(s.renews_at))`;

/**
 * The statement that puts the tenant, in whose context it runs, on the plan; it answers with the {@link Subscription}. The plan's limits
 * are copied: they hold in whatever database the tenant lives, and stay what was sold. Pure.
 * @param change left out: status `active`, no trial, no renewal, and nothing besides the plan's limits and features
 */
export function subscribe(plan: Plan, change: SubscriptionChange = {}): Statement {
  const { status = "active", limits = {}, features = {}, trialEndsAt = null, renewsAt = null } = change;
  return {
    name: "rowhouse_subscribe",
    text: `insert into tenant.subscription as s (plan, status, limits, features, trial_ends_at, renews_at)
      values ($1, $2, $3::jsonb, $4::jsonb, $5::timestamptz, $6::timestamptz)
      on conflict (tenant_id) do update set plan = excluded.plan, status = excluded.status, limits = excluded.limits,
        features = excluded.features, trial_ends_at = excluded.trial_ends_at, renews_at = excluded.renews_at, updated_at = now()
      returning ${JSON_OF}`,
    values: [
      plan.name,
      status,
      JSON.stringify({ ...plan.limits, ...limits }),
      JSON.stringify({ ...plan.features, ...features }),
      trialEndsAt,
      renewsAt,
    ],
  };
}

/** @returns null for a tenant without one, which is on the default plan */
export async function readSubscription(run: RunInside): Promise<Subscription | null> {
  const [rows] = await run("read", [{ text: `select ${JSON_OF} from tenant.subscription s`, values: [] }]);
  return (rows?.[0] as Subscription | undefined) ?? null;
}

/**
 * Puts the tenant on the plan, wherever it lives, in place of what it had: what `change` leaves out is as in {@link subscribe}.
 * @param run as one who may write tenant.subscription: the control plane
 * @param change `limits` and `features` besides the plan's, name by name; times in ISO 8601; status `active` when left out
 * @returns the subscription as it is now, with the plan's limits and features in it
 * @throws whatever `run` throws where the tenant can't be reached
 */
export async function setSubscription(run: RunInside, plan: Plan, change: SubscriptionChange): Promise<Subscription> {
  const [rows] = await run("write", [subscribe(plan, change)]);
  return rows![0] as Subscription;
}
