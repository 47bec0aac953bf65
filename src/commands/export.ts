import { resolve } from "node:path";
import type { Command } from "commander";
import { archiveSize, exportTenant } from "../archive/export.ts";
import { act, addExamples } from "./action.ts";
import { untilInterrupted } from "./interrupt.ts";
import { plural, type Output } from "./output.ts";
import { formatBytes, formatSeconds, openProgress } from "./progress.ts";
import { openSession } from "./session.ts";
import { formatManifest, totalsOf } from "./summary.ts";

interface ExportOptions {
  readonly output?: string;
  readonly overwrite?: boolean;
}

async function run(out: Output, { output, overwrite }: ExportOptions, slug: string): Promise<void> {
  const path = resolve(output ?? `${slug}.rowhouse`);
  await using session = await openSession("export");
  const line = openProgress(out);
  const start = performance.now();
  const manifest = await untilInterrupted((signal) =>
    exportTenant(session.database, { slug }, { path, overwrite, signal, onProgress: line.show }),
  ).finally(line.end);
  const seconds = (performance.now() - start) / 1000;
  const [totals, bytes] = [totalsOf(manifest), await archiveSize(path)];
  out.answer({ event: "done", path, bytes, seconds, ...totals, manifest }, formatManifest(manifest));
  out.talk(
    `${plural(totals.rows, "row")}, ${formatBytes(totals.rawBytes)}, in ${path} (${formatBytes(bytes)}), ${formatSeconds(seconds)}.`,
  );
}

export function registerExport(program: Command): void {
  const command = program
    .command("export <slug>")
    .description("write one consistent snapshot of one tenant into a file, while it is being written to")
    .option("-o, --output <file>", "the archive (default: <slug>.rowhouse)")
    .option("--overwrite", "replace a file that exists")
    .action(act<ExportOptions, [string]>(run));
  addExamples(command, [
    ["rowhouse export acme -o acme.rowhouse", "rows, bytes and SHA-256 per table; no half file is ever left"],
    ["rowhouse export acme --json", "progress as events, one JSON object a line, then the manifest"],
  ]);
}
