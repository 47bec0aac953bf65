import type { Command } from "commander";
import { changeOperator, type OperatorChange } from "../../auth/operators.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { readOperatorRole } from "./invite.ts";

async function change(out: Output, name: string, email: string, wanted: OperatorChange): Promise<void> {
  await using session = await openSession(`operator ${name}`);
  const operator = await changeOperator(session.platform, email, wanted, session.actor);
  out.answer(operator, `${operator.email}  ${operator.role}  ${operator.isActive ? "active" : "inactive"}`);
}

/** Each ends the operator's sign-ins where it takes something away. */
export function registerOperatorChange(group: Command): void {
  const role = group
    .command("role <email> <role>")
    .description("give an operator another role, and end the sign-ins")
    .action(
      act<unknown, [string, string]>((out, _, email, text) =>
        change(out, "role", email, { role: readOperatorRole(text) }),
      ),
    );
  addExamples(role, [["rowhouse operator role ann@ops.example read-only", "counts at the next request"]]);
  const deactivate = group
    .command("deactivate <email>")
    .description("let an operator in no more")
    .action(act<unknown, [string]>((out, _, email) => change(out, "deactivate", email, { isActive: false })));
  addExamples(deactivate, [["rowhouse operator deactivate ann@ops.example", "the last owner stays"]]);
  const activate = group
    .command("activate <email>")
    .description("let an operator in again")
    .action(act<unknown, [string]>((out, _, email) => change(out, "activate", email, { isActive: true })));
  addExamples(activate, [["rowhouse operator activate ann@ops.example", "the password is the one that there was"]]);
}
