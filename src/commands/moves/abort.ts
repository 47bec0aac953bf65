import type { Command } from "commander";
import { abort } from "../../move/operation.ts";
import { act, addExamples } from "../action.ts";
import { runNamed } from "../move/run.ts";
import type { GlobalOptions, Output } from "../output.ts";
import { openSession } from "../session.ts";

async function run(out: Output, options: GlobalOptions, name: string): Promise<void> {
  await using session = await openSession("moves abort");
  await runNamed(out, session, options, name, (site, shown) => abort(site, name, shown));
}

export function registerAbort(group: Command): void {
  const command = group
    .command("abort <move>")
    .description("give up a move before its cutover: the tenant stays, and nothing is left at the target")
    .action(act<GlobalOptions, [string]>(run));
  addExamples(command, [["rowhouse moves abort acme", "after the cutover it is `rowhouse moves rollback acme`"]]);
}
