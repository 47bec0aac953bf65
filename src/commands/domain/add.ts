import type { Command } from "commander";
import { addDomain } from "../../tenant/domains.ts";
import { act, addExamples } from "../action.ts";
import { formatFacts, type Output } from "../output.ts";
import { openSession } from "../session.ts";

async function add(out: Output, _options: unknown, slug: string, name: string): Promise<void> {
  await using session = await openSession("domain add");
  const domain = await addDomain(session.platform, slug, name, session.config.BASE_DOMAIN, session.actor);
  const { record } = domain;
  if (record === null) {
    out.answer(domain, `${domain.name}  verified`);
    return;
  }
  out.talk(`Set this record in the DNS of ${domain.name}, then run: rowhouse domain verify ${slug} ${domain.name}`);
  out.answer(
    domain,
    formatFacts([
      ["name", record.name],
      ["type", record.type],
      ["value", record.value],
    ]),
  );
}

export function registerAdd(group: Command): void {
  const command = group
    .command("add <slug> <domain>")
    .description("claim a custom domain for a tenant and print the DNS record that proves it")
    .action(act<unknown, [string, string]>(add));
  addExamples(command, [
    ["rowhouse domain add acme shop.acme.example", "nothing is served there until `domain verify`"],
    ["rowhouse domain add acme shop.acme.example --json | jq .record", "the record, for a DNS provider's API"],
  ]);
}
