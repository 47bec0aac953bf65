import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerPlanAssign } from "./plan/assign.ts";
import { registerPlanList } from "./plan/list.ts";
import { registerPlanRemove } from "./plan/remove.ts";
import { registerPlanSet } from "./plan/set.ts";

export function registerPlan(program: Command): void {
  const group = program.command("plan").description("what is sold: list, set, remove, and assign to a tenant");
  for (const register of [registerPlanList, registerPlanSet, registerPlanRemove, registerPlanAssign]) register(group);
  addExamples(group, [["rowhouse plan set team --limit users=10", "then `rowhouse plan assign acme team`"]]);
}
