import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { archiveSize, exportTenant } from "../archive/export.ts";
import { FORMATS, type Format } from "../archive/format.ts";
import type { Manifest } from "../archive/manifest.ts";
import { RowhouseError } from "../errors.ts";
import { locateTenant } from "../tenant/locate.ts";
import { act, addExamples } from "./action.ts";
import { addLockOptions, readLocks } from "./archive-keys.ts";
import { addBackupOptions, isBackup, runBackup, type BackupOptions } from "./backup.ts";
import { untilInterrupted } from "./interrupt.ts";
import { addMaskOption, readMask, type MaskOptions } from "./mask.ts";
import { plural, type Output } from "./output.ts";
import { formatBytes, formatSeconds, openProgress } from "./progress.ts";
import { openSession } from "./session.ts";
import { formatManifest, totalsOf } from "./summary.ts";

interface ExportOptions extends BackupOptions, MaskOptions {
  readonly overwrite?: boolean;
}

/** @throws RowhouseError usage for options that have nothing to say to each other */
function checkOptions({ format, sign, output }: ExportOptions, json: boolean): void {
  if (sign === true && format !== "archive")
    throw new RowhouseError("usage", { message: `--sign signs the manifest of an archive; ${format} has none` });
  if (output === "-" && json)
    throw new RowhouseError("usage", { message: "-o - writes the export to stdout, where --json would write too" });
}

/** Archives are told by what is in them, so one that is encrypted keeps its name. */
function defaultName(slug: string, format: Format, isEncrypted: boolean): string {
  const tar = format === "csv" && isEncrypted ? ".tar" : "";
  return `${slug}${FORMATS[format].suffix}${tar}${isEncrypted && format !== "archive" ? ".age" : ""}`;
}

function warnOmitted(out: Output, { omitted }: Manifest): void {
  for (const { relation, why } of omitted) out.warn(`${relation} was not exported: it ${why}`);
}

async function run(out: Output, options: ExportOptions, slug: string | undefined): Promise<number | void> {
  const mask = await readMask(options);
  if (isBackup(options)) {
    if (mask !== undefined)
      throw new RowhouseError("usage", { message: "--mask is for one tenant: a backup holds all of it" });
    return runBackup(out, options, slug);
  }
  if (slug === undefined) throw new RowhouseError("usage", { message: "Name a tenant, or add --all and --dir" });
  const { output, overwrite, format, sign } = options;
  checkOptions(options, out.json);
  const encrypt = await readLocks(options);
  const path = output === "-" ? process.stdout : resolve(output ?? defaultName(slug, format, encrypt !== undefined));
  await using session = await openSession("export");
  const line = openProgress(out);
  const start = performance.now();
  const { database } = await locateTenant(session.database, session.platform, slug);
  const common = { path, overwrite, format, sign, encrypt, mask, onProgress: line.show };
  const manifest = await untilInterrupted((signal) => exportTenant(database, { slug }, { ...common, signal })).finally(
    line.end,
  );
  const seconds = (performance.now() - start) / 1000;
  warnOmitted(out, manifest);
  const totals = totalsOf(manifest);
  const read = `${plural(totals.rows, "row")}, ${formatBytes(totals.rawBytes)}`;
  if (typeof path !== "string") {
    out.talk(`${read}, to stdout, ${formatSeconds(seconds)}.`);
    return;
  }
  const bytes = await archiveSize(path);
  const facts = { path, format, bytes, seconds, encrypted: encrypt !== undefined, signed: sign === true };
  out.answer({ event: "done", ...facts, ...totals, manifest }, formatManifest(manifest));
  out.talk(`${read}, in ${path} (${formatBytes(bytes)}), ${formatSeconds(seconds)}.`);
}

export function registerExport(program: Command): void {
  const command = program
    .command("export [slug]")
    .description("write one consistent snapshot of one tenant into a file, while it is being written to")
    .option("-o, --output <file>", "where to: a file, for csv a folder, or - for stdout (default: <slug>.rowhouse)")
    .addOption(new Option("--format <name>", "what to write").choices(Object.keys(FORMATS)).default("archive"))
    .option("--overwrite", "replace a file that exists");
  addBackupOptions(addMaskOption(addLockOptions(command))).action(act<ExportOptions, [string | undefined]>(run));
  addExamples(command, [
    ["rowhouse export acme -o acme.rowhouse", "rows, bytes and SHA-256 per table; no half file is ever left"],
    ["rowhouse export acme --sign --encrypt age1…", "nobody reads it but who has that key; nobody changes it unseen"],
    ["rowhouse export acme --format csv -o acme-csv", "a folder with a file for each table; also sql, ndjson, sqlite"],
    ["rowhouse export acme --format ndjson -o - | jq -c 'select(.table == \"app.customers\").row'", "into a pipe"],
    ["rowhouse export acme --mask default -o acme-masked.rowhouse", "without personal data, for a developer's machine"],
    ["rowhouse export --all --dir /backup --keep 7", "every tenant, verified, and then all but the newest 7 go"],
    ["rowhouse export acme --json", "progress as events, one JSON object a line, then the manifest"],
  ]);
}
