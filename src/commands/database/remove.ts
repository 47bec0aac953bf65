import type { Command } from "commander";
import { removeDatabase } from "../../tenant/databases.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

async function remove(out: Output, _options: unknown, name: string): Promise<void> {
  await using session = await openSession("database remove");
  const entry = await removeDatabase(session.platform, name, session.actor);
  out.answer(entry, `removed ${name}`);
  out.talk(`The database at ${entry.address} was left as it is.`);
}

export function registerRemoveDatabase(group: Command): void {
  const command = group
    .command("remove <name>")
    .alias("rm")
    .description("take a database out of the deployment; refused while tenants live in it or a move needs it")
    .action(act<unknown, [string]>(remove));
  addExamples(command, [["rowhouse database remove big1", "only the entry goes: nothing in big1 is touched"]]);
}
