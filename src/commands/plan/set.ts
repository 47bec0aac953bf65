import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { changePlan, createPlan, type Plan } from "../../plan/plans.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { formatLimits, readLimits } from "./limits.ts";

interface SetOptions {
  readonly title?: string;
  readonly limit?: string[];
  readonly default?: boolean;
}

async function set(out: Output, { title, limit, default: isDefault }: SetOptions, name: string): Promise<void> {
  if (!/^[a-z][a-z0-9_-]{0,62}$/.test(name))
    throw new RowhouseError("usage", {
      message: `Not a plan's name: ${name}`,
      hint: "Lower-case letters, digits, _ and -.",
    });
  const facts = { title, limits: readLimits(limit), isDefault };
  await using session = await openSession("plan set");
  const { platform, actor } = session;
  const plan: Plan = await createPlan(platform, { name, ...facts }, actor).catch((error: unknown) => {
    if (error instanceof RowhouseError && error.kind === "planExists") return changePlan(platform, name, facts, actor);
    throw error;
  });
  out.answer(plan, `${plan.name}  ${formatLimits(plan.limits)}`);
  out.talk("Tenants that have it keep what they subscribed to: `rowhouse plan assign` gives them the new limits.");
}

export function registerPlanSet(group: Command): void {
  const command = group
    .command("set <name>")
    .description("make a plan, or change what it is from now on")
    .option("--title <text>", "name for people (default: the name)")
    .option("--limit <name=most...>", "most of something: users, locations, api_keys, audit_days; all of them anew")
    .option("--default", "the plan of tenants that are made without one")
    .action(act<SetOptions, [string]>(set));
  addExamples(command, [
    ["rowhouse plan set team --title Team --limit users=10 locations=3", "what is not named is not limited"],
    ["rowhouse plan set team --default", "from now on"],
  ]);
}
