import type { Command } from "commander";
import { verifyDomain } from "../../tenant/domains.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

interface VerifyOptions {
  readonly resolver?: string[];
  readonly trust?: boolean;
}

async function verify(out: Output, { resolver, trust }: VerifyOptions, slug: string, name: string): Promise<void> {
  await using session = await openSession("domain verify");
  const options = { servers: resolver, trusted: trust };
  const domain = await verifyDomain(session.platform, slug, name, session.actor, options);
  out.answer(domain, `${domain.name}  verified`);
}

export function registerVerifyDomain(group: Command): void {
  const command = group
    .command("verify <slug> <domain>")
    .description("look for the proof in DNS and serve the tenant at the domain from then on")
    .option("--resolver <address...>", "DNS servers to ask, as address or address:port (default: the system's)")
    .option("--trust", "don't ask DNS: you vouch that the domain is the tenant's")
    .action(act<VerifyOptions, [string, string]>(verify));
  addExamples(command, [
    ["rowhouse domain verify acme shop.acme.example", "fails, with the record to set, until it is there"],
    [
      "rowhouse domain verify acme shop.acme.example --resolver 9.9.9.9",
      "when the system's resolver still has the old answer",
    ],
  ]);
}
