import type { Command } from "commander";
import { act, addExamples, EXIT_FINDINGS } from "./action.ts";
import { examineDatabase } from "./doctor/database.ts";
import type { Fact } from "./doctor/fact.ts";
import { examineMachine } from "./doctor/machine.ts";
import type { Output } from "./output.ts";

const COLORS = { ok: "green", warn: "yellow", error: "red" } as const;

function formatFact(out: Output, { name, state, found, fix }: Fact, width: number): string {
  const line = `${out.paint(COLORS[state], state.padEnd(5))}  ${name.padEnd(width)}  ${found}`;
  return fix === null ? line : `${line}\n${" ".repeat(width + 9)}fix: ${fix}`;
}

async function doctor(out: Output): Promise<number> {
  const facts = [...(await examineMachine()), ...(await examineDatabase())];
  const width = Math.max(...facts.map(({ name }) => name.length));
  const count = (state: Fact["state"]) => facts.filter((fact) => fact.state === state).length;
  out.answer(
    { errors: count("error"), warnings: count("warn"), facts },
    facts.map((fact) => formatFact(out, fact, width)).join("\n"),
  );
  out.talk(`${facts.length} facts: ${count("error")} errors, ${count("warn")} warnings.`);
  return count("error") > 0 ? EXIT_FINDINGS : 0;
}

export function registerDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("look at this machine, the settings and the database: what would keep Rowhouse from serving?")
    .action(act(doctor));
  addExamples(command, [
    ["rowhouse doctor", "one line per fact, with the fix where one is needed; exits with 3 on an error"],
    ["rowhouse doctor --json | jq '.facts[] | select(.state != \"ok\")'", "what is not as it should be"],
  ]);
}
