import type { Command } from "commander";
import { removePlan } from "../../plan/plans.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

async function remove(out: Output, _options: unknown, name: string): Promise<void> {
  await using session = await openSession("plan remove");
  const plan = await removePlan(session.platform, name, session.actor);
  out.answer(plan, `removed  ${plan.name}`);
}

export function registerPlanRemove(group: Command): void {
  const command = group
    .command("remove <name>")
    .alias("rm")
    .description("sell a plan no more; tenants that have it keep their limits")
    .action(act<unknown, [string]>(remove));
  addExamples(command, [["rowhouse plan remove team", "the default one stays"]]);
}
