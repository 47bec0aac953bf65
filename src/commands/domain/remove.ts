import type { Command } from "commander";
import { removeDomain } from "../../tenant/domains.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

async function remove(out: Output, _options: unknown, slug: string, name: string): Promise<void> {
  await using session = await openSession("domain remove");
  const domain = await removeDomain(session.platform, slug, name, session.actor);
  out.answer(domain, `removed  ${domain.name}`);
}

export function registerRemove(group: Command): void {
  const command = group
    .command("remove <slug> <domain>")
    .alias("rm")
    .description("give up a custom domain, or the address that a renamed tenant had before")
    .action(act<unknown, [string, string]>(remove));
  addExamples(command, [
    [
      "rowhouse domain remove acme shop.acme.example",
      "not served there from now on; no other tenant may claim it for a week",
    ],
  ]);
}
