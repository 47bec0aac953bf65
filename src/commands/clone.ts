import type { Command } from "commander";
import { cloneTenant } from "../archive/clone.ts";
import { originUnder } from "../tenant/origin.ts";
import { act, addExamples } from "./action.ts";
import { untilInterrupted } from "./interrupt.ts";
import { addMaskOption, readMask, type MaskOptions } from "./mask.ts";
import { plural, type Output } from "./output.ts";
import { formatSeconds, openProgress } from "./progress.ts";
import { openSession } from "./session.ts";
import { formatManifest, totalsOf } from "./summary.ts";

interface CloneOptions extends MaskOptions {
  readonly name?: string;
}

async function run(out: Output, options: CloneOptions, slug: string, newSlug: string): Promise<void> {
  const mask = await readMask(options);
  await using session = await openSession("clone");
  const line = openProgress(out);
  const start = performance.now();
  const { actor, appDir, database } = session;
  const cloned = await untilInterrupted((signal) =>
    cloneTenant(database, slug, newSlug, { name: options.name, mask, actor, appDir, signal, onProgress: line.show }),
  ).finally(line.end);
  const seconds = (performance.now() - start) / 1000;
  const { tenant, manifest, rows } = cloned;
  const url = originUnder(session.config, tenant.slug);
  out.answer(
    {
      event: "done",
      from: slug,
      tenant: { ...tenant, url },
      masked: mask !== undefined,
      seconds,
      ...totalsOf(manifest),
    },
    `${formatManifest(manifest)}\n\n${tenant.slug}  ${url}`,
  );
  out.talk(`${plural(rows, "row")} of ${slug} as of ${manifest.snapshot.at}, ${formatSeconds(seconds)}.`);
  if (mask === undefined) out.talk("Nothing was masked: the clone holds the personal data of its source.");
}

export function registerClone(program: Command): void {
  const command = program
    .command("clone <slug> <new-slug>")
    .description(
      "make a new tenant with the rows of another, as they are at one instant, with personal data masked or not",
    )
    .option("--name <name>", "name for people (default: the source's)");
  addMaskOption(command).action(act<CloneOptions, [string, string]>(run));
  addExamples(command, [
    [
      "rowhouse clone acme acme-staging --mask default",
      "names, addresses and notes are made up, by the columns' names",
    ],
    ["rowhouse clone acme acme-staging --mask default --mask mask.json", "and by rules of your own"],
  ]);
}
