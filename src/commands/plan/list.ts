import type { Command } from "commander";
import { listPlans } from "../../plan/plans.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { formatLimits } from "./limits.ts";

async function list(out: Output): Promise<void> {
  await using session = await openSession("plan list");
  const plans = await listPlans(session.platform);
  const rows = plans.map(({ name, title, limits, isDefault }) => [
    name,
    title,
    formatLimits(limits),
    isDefault ? "default" : "",
  ]);
  out.answer(plans, formatTable(["NAME", "TITLE", "LIMITS", ""], rows));
}

export function registerPlanList(group: Command): void {
  const command = group.command("list").alias("ls").description("all plans, by name").action(act(list));
  addExamples(command, [["rowhouse plan list", "each and its limits"]]);
}
