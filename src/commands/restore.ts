import type { Command } from "commander";
import { restoreArchive } from "../archive/restore.ts";
import { act, addExamples } from "./action.ts";
import { addressOf } from "./address.ts";
import { plural, type Output } from "./output.ts";
import { formatSeconds, openProgress } from "./progress.ts";
import { openSession } from "./session.ts";
import { formatManifest, totalsOf } from "./summary.ts";

interface RestoreOptions {
  readonly as?: string;
  readonly name?: string;
}

async function run(out: Output, { as, name }: RestoreOptions, path: string): Promise<void> {
  await using session = await openSession("restore");
  const line = openProgress(out);
  const start = performance.now();
  const options = { as, name, actor: session.actor, onProgress: line.show };
  const restored = await restoreArchive(session.database, path, options).finally(line.end);
  const seconds = (performance.now() - start) / 1000;
  const { tenant, created, manifest, rows, domainsLeft } = restored;
  const url = addressOf(session.config, tenant.slug);
  const totals = totalsOf(manifest);
  out.answer(
    { event: "done", path, tenant: { ...tenant, url }, created, seconds, ...totals, domainsLeft },
    `${formatManifest(manifest)}\n\n${tenant.slug}  ${url}`,
  );
  out.talk(`${plural(rows, "row")} restored and compared with the manifest, ${formatSeconds(seconds)}.`);
  const custom = domainsLeft.filter((domain) => domain.includes("."));
  if (custom.length > 0) out.talk(`Domains to claim anew with \`rowhouse domain add\`: ${custom.join(", ")}.`);
}

export function registerRestore(program: Command): void {
  const command = program
    .command("restore <file>")
    .description("load an archive into this database, all or nothing, after checking every byte of it")
    .option("--as <slug>", "as another tenant, beside the one that it was taken from")
    .option("--name <name>", "name for people (default: the archive's)")
    .action(act<RestoreOptions, [string]>(run));
  addExamples(command, [
    ["rowhouse restore acme.rowhouse", "the tenant itself, where it does not exist (any more)"],
    ["rowhouse restore acme.rowhouse --as acme-copy --name 'Acme, a copy'", "beside it, with an id of its own"],
  ]);
}
