import type { Command } from "commander";
import { findTenant } from "../../tenant/change.ts";
import { findIssuer, removeIssuer } from "../../tenant/issuers.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

async function remove(out: Output, _options: unknown, slug: string, name: string): Promise<void> {
  await using session = await openSession("issuer remove");
  const { id } = await findTenant(session.platform, slug);
  const issuer = await findIssuer(session.platform, id, name);
  await removeIssuer(session.platform, id, issuer.id, session.actor);
  out.answer({ tenant: slug, ...issuer }, `removed  ${issuer.issuer}`);
}

export function registerIssuerRemove(group: Command): void {
  const command = group
    .command("remove <tenant> <issuer>")
    .alias("rm")
    .description("trust an issuer no more, its tokens that are out included")
    .action(act<unknown, [string, string]>(remove));
  addExamples(command, [
    ["rowhouse issuer remove acme https://accounts.google.com", "by name, or by id where there are several of it"],
  ]);
}
