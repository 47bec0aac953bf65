import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";

/** A named bundle of limits and features that is sold. */
export interface Plan {
  readonly name: string;
  readonly title: string;
  /** Most of each thing, by name: `users`, `locations`, `api_keys`, `audit_days`. What is not named is not limited. */
  readonly limits: Readonly<Record<string, number>>;
  readonly features: Readonly<Record<string, unknown>>;
  /** The plan of tenants that were made without one. */
  readonly isDefault: boolean;
  /** ISO 8601 */
  readonly createdAt: string;
}

export type PlanChange = Partial<Omit<Plan, "name" | "createdAt">>;

const COLUMNS = `p.name, p.title, p.limits, p.features, p.is_default as "isDefault",
  platform.time_text(p.created_at) as "createdAt"`;

function neededPlan(name: string): RowhouseError {
  return new RowhouseError("planInUse", {
    message: `${name} is the plan of tenants that have none`,
    hint: "Make another plan the default first.",
  });
}

function unknownPlan(name: string): RowhouseError {
  return new RowhouseError("planUnknown", {
    message: `There is no plan ${name}`,
    hint: "`rowhouse plan list` shows them.",
  });
}

/** All plans, by name. */
export function listPlans(pool: ConnectionPool): Promise<Plan[]> {
  return queryRows<Plan>(pool, { text: `select ${COLUMNS} from platform.plans p order by p.name` });
}

const FIND = `select ${COLUMNS} from platform.plans p where case when $1::text is null then p.is_default else p.name = $1 end`;

/**
 * @param name null for the default one
 * @throws RowhouseError planUnknown
 */
export async function findPlan(pool: ConnectionPool, name: string | null): Promise<Plan> {
  const [plan] = await queryRows<Plan>(pool, { text: FIND, values: [name] });
  if (plan === undefined) throw unknownPlan(name ?? "by default");
  return plan;
}

/** {@link findPlan} inside a transaction of the control plane. @throws RowhouseError planUnknown */
export async function findPlanInside(client: DbClient, name: string | null): Promise<Plan> {
  const { rows } = await client.query<Plan>(FIND, [name]);
  if (rows[0] === undefined) throw unknownPlan(name ?? "by default");
  return rows[0];
}

/** There is one default plan at most: who becomes it takes the place of the one before. */
const UNSET_DEFAULT =
  "update platform.plans set is_default = false, updated_at = now() where is_default and name <> $1";

/** @throws RowhouseError planExists */
export function createPlan(pool: ConnectionPool, plan: PlanChange & Pick<Plan, "name">, actor: string): Promise<Plan> {
  const { name, title = name, limits = {}, features = {}, isDefault = false } = plan;
  return inPlatformTransaction(pool, actor, async (client) => {
    if (isDefault) await client.query(UNSET_DEFAULT, [name]);
    const { rows } = await client.query<Plan>(
      `insert into platform.plans as p (name, title, limits, features, is_default) values ($1, $2, $3, $4, $5)
       on conflict (name) do nothing returning ${COLUMNS}`,
      [name, title, JSON.stringify(limits), JSON.stringify(features), isDefault],
    );
    if (rows[0] !== undefined) return rows[0];
    throw new RowhouseError("planExists", { message: `A plan ${name} exists` });
  });
}

/**
 * Changes what is sold from now on. Tenants that have the plan keep what they subscribed to, until their subscription is set again.
 * @throws RowhouseError planUnknown, planInUse when there would be no default one
 */
export function changePlan(pool: ConnectionPool, name: string, change: PlanChange, actor: string): Promise<Plan> {
  const { title = null, limits = null, features = null, isDefault = null } = change;
  return inPlatformTransaction(pool, actor, async (client) => {
    if (isDefault === true) await client.query(UNSET_DEFAULT, [name]);
    const { rows } = await client.query<Plan>(
      `update platform.plans p set title = coalesce($2, p.title), limits = coalesce($3, p.limits),
         features = coalesce($4, p.features), is_default = coalesce($5, p.is_default), updated_at = now()
       where p.name = $1 returning ${COLUMNS}`,
      [name, title, limits && JSON.stringify(limits), features && JSON.stringify(features), isDefault],
    );
    if (rows[0] === undefined) throw unknownPlan(name);
    if (isDefault === false) {
      const { rowCount } = await client.query("select from platform.plans where is_default");
      if (rowCount === 0) throw neededPlan(name);
    }
    return rows[0];
  });
}

/**
 * Takes a plan out of what is sold. Tenants that have it keep their limits: those stand in their subscriptions.
 * @throws RowhouseError planUnknown, planInUse for the default one
 */
export async function removePlan(pool: ConnectionPool, name: string, actor: string): Promise<Plan> {
  const plan = await findPlan(pool, name);
  const { rowCount } = await inPlatformTransaction(pool, actor, (client) =>
    client.query("delete from platform.plans where name = $1 and not is_default", [name]),
  );
  if (rowCount === 0) throw neededPlan(name);
  return plan;
}
