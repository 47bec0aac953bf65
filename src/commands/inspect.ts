import type { Command } from "commander";
import { openArchive, type OpenArchive } from "../archive/read.ts";
import { act, addExamples } from "./action.ts";
import { addKeyOptions, describeSignature, formatSignature, readKeys, type KeyOptions } from "./archive-keys.ts";
import { formatFacts, formatTable, plural, printable, type Output } from "./output.ts";
import { formatBytes } from "./progress.ts";
import { totalsOf } from "./summary.ts";

/** Pure. */
function format({ manifest, encrypted, bytes }: OpenArchive, signed: string): string {
  const { tenant, snapshot, rowhouse, postgres, schema, tables } = manifest;
  const totals = totalsOf(manifest);
  const facts = formatFacts([
    ["tenant", `${tenant.slug} (${tenant.name}), ${tenant.status}`],
    ["id", tenant.id],
    ["domains", tenant.domains.map(({ name }) => name).join(", ")],
    ["as of", snapshot.at],
    ["written by", `Rowhouse ${rowhouse}, from PostgreSQL ${postgres}`],
    ["migrated to", [schema.platform.at(-1), schema.app.at(-1)].filter((name) => name !== undefined).join(", ")],
    ["holds", `${plural(totals.rows, "row")} of ${plural(totals.tables, "table")}, ${formatBytes(totals.rawBytes)}`],
    ["file", `${formatBytes(bytes)}, ${encrypted ? "encrypted" : "not encrypted"}, ${signed}`],
  ]);
  const rows = tables.map(({ schema: where, name, rows: count, rawBytes, fileBytes }) => [
    `${where}.${name}`,
    count,
    formatBytes(rawBytes),
    formatBytes(fileBytes),
  ]);
  return `${facts}\n\n${formatTable(["TABLE", "ROWS", "BYTES", "PACKED"], rows)}`;
}

async function run(out: Output, options: KeyOptions, path: string): Promise<void> {
  const archive = await openArchive(path, await readKeys(options));
  await archive.close();
  const { manifest, encrypted, bytes } = archive;
  const signature = describeSignature(archive.signature);
  out.answer(
    { path, bytes, encrypted, signature, ...totalsOf(manifest), manifest },
    format(archive, formatSignature(signature)),
  );
  for (const { relation, why } of manifest.omitted) out.warn(printable(`${relation} is not in it: it ${why}`));
}

export function registerInspect(program: Command): void {
  const command = addKeyOptions(program.command("inspect <file>"))
    .description("what is in an archive: whose, from when, tables, rows, signature; reads no rows, needs no database")
    .action(act<KeyOptions, [string]>(run));
  addExamples(command, [
    ["rowhouse inspect acme.rowhouse", "in no time, whatever its size"],
    ["rowhouse inspect acme.rowhouse --json | jq .manifest.snapshot.at", "the instant that it is of"],
  ]);
}
