import type { Command } from "commander";
import { rollBack } from "../../move/operation.ts";
import { act, addExamples } from "../action.ts";
import { runNamed } from "../move/run.ts";
import type { GlobalOptions, Output } from "../output.ts";
import { openSession } from "../session.ts";

async function run(out: Output, options: GlobalOptions, name: string): Promise<void> {
  await using session = await openSession("moves rollback");
  await runNamed(out, session, options, name, (site, shown) => rollBack(site, name, shown));
}

export function registerRollback(group: Command): void {
  const command = group
    .command("rollback <move>")
    .description("take a tenant back to where it came from, with all that it has written since, while it is being used")
    .action(act<GlobalOptions, [string]>(run));
  addExamples(command, [["rowhouse moves rollback acme", "as long as the time for the way back is not over"]]);
}
