import type { Command } from "commander";
import { listDomains } from "../../tenant/domains.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

async function list(out: Output, _options: unknown, slug?: string): Promise<void> {
  await using session = await openSession("domain list");
  const domains = await listDomains(session.platform, slug);
  const rows = domains.map(({ tenant, name, kind, verifiedAt }) => [
    tenant,
    kind === "subdomain" ? `${name}.${session.config.BASE_DOMAIN}` : name,
    kind,
    verifiedAt === null ? "not verified" : "verified",
  ]);
  out.answer(domains, domains.length === 0 ? "" : formatTable(["TENANT", "ADDRESS", "KIND", "STATE"], rows));
  if (domains.length === 0) out.talk("No addresses yet.");
}

export function registerList(group: Command): void {
  const command = group
    .command("list [slug]")
    .alias("ls")
    .description("addresses of one tenant, or of all")
    .action(act<unknown, [string?]>(list));
  addExamples(command, [
    ["rowhouse domain list", "every address of the deployment"],
    ["rowhouse domain list acme", "one tenant's, its former slugs included"],
  ]);
}
