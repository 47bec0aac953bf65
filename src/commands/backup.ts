import { resolve } from "node:path";
import type { Command } from "commander";
import { backUpTenants, checkBackup, type Backup } from "../archive/backup.ts";
import type { Format } from "../archive/format.ts";
import { RowhouseError } from "../errors.ts";
import { findTenant, listTenants } from "../tenant/change.ts";
import { locateTenant } from "../tenant/locate.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { readKeys, readLocks, type KeyOptions, type LockOptions } from "./archive-keys.ts";
import { toFailure } from "./failure.ts";
import { untilInterrupted } from "./interrupt.ts";
import { formatTable, plural, type Output } from "./output.ts";
import { formatBytes, formatSeconds, openProgress, type ProgressLine } from "./progress.ts";
import { collect } from "./repeated-option.ts";
import { openSession, type Session } from "./session.ts";
import { totalsOf } from "./summary.ts";

/** Options of `export` that make a backup of it: archives in a folder, named by tenant and time. */
export interface BackupOptions extends LockOptions, KeyOptions {
  readonly all?: boolean;
  readonly dir?: string;
  readonly keep?: string;
  readonly jobs?: string;
  readonly output?: string;
  readonly format: Format;
}

/** Adds what {@link BackupOptions} has besides one export's options. @returns the command */
export function addBackupOptions(command: Command): Command {
  return command
    .option("--all", "every tenant, active or suspended, each into an archive of its own in --dir")
    .option("--dir <folder>", "into this folder, as <slug>-<UTC time>.rowhouse")
    .option("--keep <n>", "then remove all but the newest <n> archives of the tenant in --dir")
    .option("--jobs <n>", "tenants to export side by side (default: 2)")
    .option("--identity <file>", "with --encrypt, what opens the archives of --dir again, to verify them", collect);
}

/** Whether it is about several archives, and not one export to one file. Pure. */
export function isBackup({ all, dir, keep }: BackupOptions): boolean {
  return all === true || dir !== undefined || keep !== undefined;
}

function count(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new RowhouseError("usage", { message: `${option} takes a number from 1 up, not ${value}` });
}

function checkOptions({ all, dir, output }: BackupOptions, slug: string | undefined): string {
  if (all === true && slug !== undefined)
    throw new RowhouseError("usage", { message: "--all exports every tenant: name none, or leave it out" });
  if (dir === undefined) throw new RowhouseError("usage", { message: "--all and --keep want a folder: add --dir" });
  if (output !== undefined) throw new RowhouseError("usage", { message: "--dir names the files itself: leave -o out" });
  return resolve(dir);
}

/** Tenants that are being made or deleted have nothing whole to export. */
async function tenantsOf({ platform }: Session, slug: string | undefined) {
  if (slug !== undefined) return [await findTenant(platform, slug)];
  return (await listTenants(platform)).filter(({ status }) => status === "active" || status === "suspended");
}

function factsOf({ tenant, path, manifest, bytes, seconds, verified, removed, error }: Backup) {
  const { exit: _exit, ...failure } = toFailure(error);
  return {
    tenant: tenant.slug,
    path,
    ...(manifest === null ? { rows: null, error: failure } : totalsOf(manifest)),
    bytes,
    seconds,
    verified,
    removed,
  };
}

function formatBackups(backups: readonly Backup[]): string {
  const rows = backups.map(({ tenant, manifest, bytes, seconds, path, removed, error }) => [
    tenant.slug,
    manifest === null ? "failed" : totalsOf(manifest).rows.toLocaleString("en"),
    formatBytes(bytes),
    formatSeconds(seconds),
    manifest === null ? toFailure(error).message : path,
    removed.length === 0 ? "" : removed.join(", "),
  ]);
  return formatTable(["TENANT", "ROWS", "BYTES", "TIME", "FILE", "REMOVED"], rows);
}

function tell(out: Output, backup: Backup): void {
  const { tenant, manifest, error, seconds } = backup;
  out.event({ event: "tenant", ...factsOf(backup) });
  if (out.json) return;
  if (manifest === null) {
    const { message, code } = toFailure(error);
    out.warn(`${tenant.slug}: ${message} [${code}]`);
  } else out.talk(`${tenant.slug}: ${plural(totalsOf(manifest).rows, "row")}, ${formatSeconds(seconds)}`);
}

/** One line for each tenant that is at work. */
function openLines(out: Output) {
  const lines = new Map<string, ProgressLine>();
  const lineOf = (slug: string) => {
    const line = lines.get(slug) ?? openProgress(out, process.stderr, slug);
    lines.set(slug, line);
    return line;
  };
  return { lineOf, end: () => lines.forEach((line) => line.end()) };
}

/**
 * `export` into a folder.
 * @returns the exit code: 1 when a tenant failed
 */
export async function runBackup(out: Output, options: BackupOptions, slug: string | undefined): Promise<number> {
  const dir = checkOptions(options, slug);
  const [keep, atOnce] = [count("--keep", options.keep), count("--jobs", options.jobs)];
  const encrypt = await readLocks(options);
  const keys = {
    ...(await readKeys({ ...options, passphrase: false })),
    ...(encrypt?.passphrase !== undefined && encrypt),
  };
  await using session = await openSession("export");
  const { format, sign } = options;
  const databaseOf = async ({ slug: own }: Tenant) =>
    (await locateTenant(session.database, session.platform, own)).database;
  const wanted = { dir, keep, atOnce, format, encrypt, sign, keys, databaseOf };
  checkBackup(wanted);
  const tenants = await tenantsOf(session, slug);
  const { lineOf, end } = openLines(out);
  const start = performance.now();
  const backups = await untilInterrupted((signal) =>
    backUpTenants(tenants, {
      ...wanted,
      signal,
      onProgress: ({ slug: own }, progress) => lineOf(own).show(progress),
      onDone: (backup) => {
        lineOf(backup.tenant.slug).end();
        tell(out, backup);
      },
    }),
  ).finally(end);
  const seconds = (performance.now() - start) / 1000;
  const failed = backups.filter(({ manifest }) => manifest === null).length;
  out.answer({ event: "done", dir, failed, seconds, tenants: backups.map(factsOf) }, formatBackups(backups));
  out.talk(`${plural(backups.length - failed, "tenant")} in ${dir}, ${formatSeconds(seconds)}; ${failed} failed.`);
  return failed === 0 ? 0 : 1;
}
