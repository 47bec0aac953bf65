import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { originUnder } from "../../tenant/origin.ts";
import { spreadRename } from "../../tenant/spread.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

async function rename(out: Output, { name }: { name?: string }, slug: string, newSlug?: string): Promise<void> {
  if (newSlug === undefined && name === undefined) {
    throw new RowhouseError("usage", { message: "Rename to what?", hint: "Give a new slug, --name, or both." });
  }
  await using session = await openSession("tenant rename");
  const tenant = await spreadRename(session, slug, { slug: newSlug, name }, session.actor);
  const url = originUnder(session.config, tenant.slug);
  out.answer({ ...tenant, url }, `${tenant.slug}  ${tenant.name}  ${url}`);
  if (tenant.slug !== slug) out.talk(`${slug} stays an address of ${tenant.slug}; nobody else can take it.`);
}

export function registerRename(group: Command): void {
  const command = group
    .command("rename <slug> [new-slug]")
    .description("change a tenant's slug, its name, or both; the old address goes on working")
    .option("--name <name>", "new name for people")
    .action(act<{ name?: string }, [string, string?]>(rename));
  addExamples(command, [
    ["rowhouse tenant rename acme acme-inc", "served at both addresses from now on"],
    ["rowhouse tenant rename acme --name 'Acme Inc.'", "the name alone"],
  ]);
}
