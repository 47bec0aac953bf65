import type { Command } from "commander";
import { findPlan } from "../../plan/plans.ts";
import { setSubscription } from "../../plan/subscription.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";
import { formatLimits, readLimits } from "./limits.ts";

interface AssignOptions {
  readonly limit?: string[];
}

async function assign(out: Output, options: AssignOptions, slug: string, name: string): Promise<void> {
  const limits = readLimits(options.limit);
  await using session = await openSession("plan assign");
  const plan = await findPlan(session.platform, name);
  await using place = await openTenantDesk(session, slug);
  const { desk, actor } = place;
  const set = await setSubscription((access, statements) => desk(actor, access, statements), plan, { limits });
  out.answer({ tenant: slug, ...set }, `${slug}  ${set.plan}  ${formatLimits(set.limits)}`);
}

export function registerPlanAssign(group: Command): void {
  const command = group
    .command("assign <tenant> <plan>")
    .description("put a tenant on a plan; its limits hold from now on")
    .option("--limit <name=most...>", "of its own, in the place of the plan's")
    .action(act<AssignOptions, [string, string]>(assign));
  addExamples(command, [
    ["rowhouse plan assign acme team", "the plan's limits as they are now"],
    ["rowhouse plan assign acme team --limit users=200", "one limit raised for this tenant"],
  ]);
}
