import type { Command } from "commander";
import { recheckDomains } from "../../tenant/domain-proofs.ts";
import { act, addExamples, EXIT_FINDINGS } from "../action.ts";
import { formatTable, plural, type Output } from "../output.ts";
import { openSession } from "../session.ts";

interface RecheckOptions {
  readonly resolver?: string[];
  readonly remove?: boolean;
}

async function recheck(out: Output, { resolver, remove }: RecheckOptions, slug?: string): Promise<number> {
  await using session = await openSession("domain recheck");
  const proofs = await recheckDomains(session.platform, session.actor, { slug, servers: resolver, remove });
  const rows = proofs.map(({ name, tenant, state, details, removed }) => [
    name,
    tenant,
    removed ? "removed" : state,
    details ?? "",
  ]);
  out.answer(proofs, rows.length === 0 ? "" : formatTable(["DOMAIN", "TENANT", "PROOF", "DETAILS"], rows));
  const lost = proofs.filter(({ state }) => state === "lost").length;
  out.talk(lost === 0 ? "No domain has lost its proof." : `${plural(lost, "domain")} lost the proof in DNS.`);
  return lost === 0 ? 0 : EXIT_FINDINGS;
}

export function registerRecheck(group: Command): void {
  const command = group
    .command("recheck [slug]")
    .description("look again for the DNS proof of the domains that are served; exits with 3 when one has lost it")
    .option("--remove", "serve nothing any more at those that lost it; they are kept from other tenants for a week")
    .option("--resolver <address...>", "DNS servers to ask, as address or address:port (default: the system's)")
    .action(act<RecheckOptions, [string?]>(recheck));
  addExamples(command, [
    ["rowhouse domain recheck", "once a day, by cron: a domain may have changed hands"],
    ["rowhouse domain recheck --remove --json", "what could not be looked up stays as it is"],
  ]);
}
