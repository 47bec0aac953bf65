import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerOperatorChange } from "./operator/change.ts";
import { registerOperatorInvite } from "./operator/invite.ts";
import { registerOperatorList } from "./operator/list.ts";

export function registerOperator(program: Command): void {
  const group = program
    .command("operator")
    .description("people who run the deployment: invite, list, change their role, deactivate, activate");
  for (const register of [registerOperatorInvite, registerOperatorList, registerOperatorChange]) register(group);
  addExamples(group, [["rowhouse operator invite ann@ops.example --role owner", "prints a link that is good once"]]);
}
