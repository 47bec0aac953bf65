import type { Command } from "commander";
import { openArchive } from "../archive/read.ts";
import { isReceipt, readReceipt } from "../archive/receipt.ts";
import { verifyTables } from "../archive/verify.ts";
import { act, addExamples } from "./action.ts";
import { addKeyOptions, describeSignature, formatSignature, readKeys, type KeyOptions } from "./archive-keys.ts";
import { untilInterrupted } from "./interrupt.ts";
import { plural, printable, type Output } from "./output.ts";
import { formatBytes, openProgress } from "./progress.ts";
import { formatReceipt } from "./receipt.ts";
import { formatManifest, totalsOf } from "./summary.ts";

async function verifyReceipt(out: Output, { key = [] }: KeyOptions, path: string): Promise<void> {
  const { receipt, signature } = await readReceipt(path, key);
  const facts = describeSignature(signature);
  out.answer(
    { event: "done", path, receipt, signature: facts },
    formatReceipt(receipt, facts?.fingerprint ?? "nobody"),
  );
  out.talk(`A good receipt: ${receipt.tenant.slug} was deleted at ${receipt.deletedAt}; ${formatSignature(facts)}.`);
}

async function run(out: Output, options: KeyOptions, path: string): Promise<void> {
  if (await isReceipt(path)) return verifyReceipt(out, options, path);
  const archive = await openArchive(path, await readKeys(options));
  const line = openProgress(out);
  try {
    await untilInterrupted((signal) => verifyTables(archive, { onProgress: line.show, signal }));
  } finally {
    line.end();
    await archive.close();
  }
  const { manifest, encrypted, bytes } = archive;
  const totals = totalsOf(manifest);
  const signature = describeSignature(archive.signature);
  out.answer({ event: "done", path, bytes, encrypted, signature, ...totals, manifest }, formatManifest(manifest));
  const { tenant, snapshot } = manifest;
  const size = `${plural(totals.rows, "row")} in ${formatBytes(bytes)}${encrypted ? ", encrypted" : ""}`;
  out.talk(`Whole: ${printable(tenant.slug)} as of ${snapshot.at}, ${size}, ${formatSignature(signature)}.`);
}

export function registerVerify(program: Command): void {
  const command = addKeyOptions(program.command("verify <file>"))
    .description("read an archive to its end and check every byte of it; needs no database")
    .action(act<KeyOptions, [string]>(run));
  addExamples(command, [
    ["rowhouse verify acme.rowhouse", "fails, naming the entry, when a single byte is wrong"],
    ['rowhouse verify acme.rowhouse --key "$(cat rowhouse.pub)"', "and when that key did not sign it"],
    ["rowhouse verify acme.rowhouse --identity key.txt", "one that was encrypted for that key of age"],
    ["rowhouse verify acme.receipt.json", "the receipt of a deletion: that it is as it was signed, and by whom"],
    ["rowhouse verify acme.rowhouse --json | tail -n 1 | jq .manifest.tenant", "whose archive it is"],
  ]);
}
