import type { Command } from "commander";
import { listOperators } from "../../auth/operators.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

async function list(out: Output): Promise<void> {
  await using session = await openSession("operator list");
  const operators = await listOperators(session.platform);
  const rows = operators.map(({ email, name, role, isActive, lastSignInAt }) => [
    email,
    name ?? "",
    role,
    isActive ? "active" : "inactive",
    lastSignInAt?.slice(0, 19) ?? "never",
  ]);
  out.answer(
    operators,
    rows.length === 0 ? "" : formatTable(["E-MAIL", "NAME", "ROLE", "STATE", "LAST SIGN-IN"], rows),
  );
  if (rows.length === 0) out.talk("No operators yet. Next: rowhouse operator invite");
}

export function registerOperatorList(group: Command): void {
  const command = group.command("list").alias("ls").description("all operators, by e-mail address").action(act(list));
  addExamples(command, [["rowhouse operator list --json", "for a program"]]);
}
