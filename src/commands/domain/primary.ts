import type { Command } from "commander";
import { setPrimaryDomain } from "../../tenant/domains.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

async function primary(out: Output, _options: unknown, slug: string, name: string): Promise<void> {
  await using session = await openSession("domain primary");
  const domain = await setPrimaryDomain(session.platform, slug, name, session.actor);
  out.answer(domain, `${domain.name}  primary`);
}

export function registerPrimary(group: Command): void {
  const command = group
    .command("primary <slug> <domain>")
    .description("lead the tenant's links in e-mails to this address")
    .action(act<unknown, [string, string]>(primary));
  addExamples(command, [
    ["rowhouse domain primary acme shop.acme.example", "once it is verified"],
    ["rowhouse domain primary acme acme", "back to the subdomain"],
  ]);
}
