import type { Command } from "commander";
import { archiveSize } from "../archive/export.ts";
import { verifyArchive } from "../archive/verify.ts";
import { act, addExamples } from "./action.ts";
import { plural, type Output } from "./output.ts";
import { formatBytes, openProgress } from "./progress.ts";
import { formatManifest, totalsOf } from "./summary.ts";

async function run(out: Output, _options: unknown, path: string): Promise<void> {
  const line = openProgress(out);
  const manifest = await verifyArchive(path, { onProgress: line.show }).finally(line.end);
  const [totals, bytes] = [totalsOf(manifest), await archiveSize(path)];
  out.answer({ event: "done", path, bytes, ...totals, manifest }, formatManifest(manifest));
  const { tenant, snapshot } = manifest;
  out.talk(`Whole: ${tenant.slug} as of ${snapshot.at}, ${plural(totals.rows, "row")} in ${formatBytes(bytes)}.`);
}

export function registerVerify(program: Command): void {
  const command = program
    .command("verify <file>")
    .description("read an archive to its end and check every byte of it; needs no database")
    .action(act<unknown, [string]>(run));
  addExamples(command, [
    ["rowhouse verify acme.rowhouse", "fails, naming the entry, when a single byte is wrong"],
    ["rowhouse verify acme.rowhouse --json | tail -n 1 | jq .manifest.tenant", "whose archive it is"],
  ]);
}
