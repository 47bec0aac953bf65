import { lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Locks } from "./age.ts";
import { archiveSize, exportTenant } from "./export.ts";
import { FORMATS, type Format } from "./format.ts";
import type { Manifest } from "./manifest.ts";
import type { ArchiveProgress, OnProgress } from "./progress.ts";
import { openArchive, type ArchiveKeys } from "./read.ts";
import { verifyTables } from "./verify.ts";

export interface BackupOptions {
  /** A folder that exists. */
  readonly dir: string;
  /** How many archives of a tenant stay there, the new one among them; all when left out. */
  readonly keep?: number | undefined;
  /** Tenants that are exported side by side; 2 by default. */
  readonly atOnce?: number | undefined;
  readonly format?: Format;
  readonly encrypt?: Locks | undefined;
  readonly sign?: boolean | undefined;
  /** What opens the archives of this folder: without it those that are encrypted are not verified, and none is removed. */
  readonly keys?: ArchiveKeys | undefined;
  /** The database that a tenant lives in. */
  readonly databaseOf: (tenant: Tenant) => Database | Promise<Database>;
  readonly onProgress?: ((tenant: Tenant, progress: ArchiveProgress) => void) | undefined;
  /** Called as each tenant is done, or has failed. */
  readonly onDone?: ((backup: Backup) => void) | undefined;
  /** Ends the work; archives that were finished by then stay. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of one tenant. */
export interface Backup {
  readonly tenant: Tenant;
  readonly path: string;
  /** Null when it failed. */
  readonly manifest: Manifest | null;
  /** Of the file. */
  readonly bytes: number;
  readonly seconds: number;
  /** Whether the file was read again to its end. */
  readonly verified: boolean;
  /** Names of the files that went. */
  readonly removed: readonly string[];
  readonly error: unknown;
}

/** `20261121T093240Z`: sorts as time does, and stands for itself on any file system. */
function stamp(at: Date): string {
  return at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/** `<slug>-<UTC time>` and the form's suffix. Pure. */
export function backupName(slug: string, at: Date, format: Format = "archive"): string {
  return `${slug}-${stamp(at)}${FORMATS[format].suffix}`;
}

/** Whether the file is an archive of this very tenant: a slug may have been another's before. What can't be read is nobody's. */
async function isOf(path: string, tenantId: string, keys: ArchiveKeys | undefined): Promise<boolean> {
  if (!(await lstat(path)).isFile()) return false;
  const archive = await openArchive(path, keys).catch(() => null);
  if (archive === null) return false;
  await archive.close();
  return archive.manifest.tenant.id === tenantId;
}

/**
 * Removes what is older than the `keep` newest archives of the tenant. What has another name, or is no archive of that tenant by
 * its own manifest, neither counts nor goes.
 * @returns names of what went
 */
async function prune(newest: string, { id, slug }: Tenant, { dir, keep, keys }: BackupOptions): Promise<string[]> {
  if (keep === undefined) return [];
  const named = new RegExp(`^${RegExp.escape(slug)}-\\d{8}T\\d{6}Z\\.rowhouse$`);
  const older = (await readdir(dir)).filter((name) => named.test(name) && name < newest);
  const removed: string[] = [];
  let kept = 1;
  for (const name of older.toSorted().toReversed()) {
    if (!(await isOf(join(dir, name), id, keys))) continue;
    if (kept < keep) {
      kept++;
      continue;
    }
    await rm(join(dir, name));
    removed.push(name);
  }
  return removed;
}

function mayVerify({ format = "archive", encrypt, keys }: BackupOptions): boolean {
  if (format !== "archive") return false;
  if (encrypt === undefined || encrypt.passphrase !== undefined) return true;
  return (keys?.identities ?? []).length > 0;
}

/** Not made where it is missing: it may be a disk that isn't mounted. */
async function checkFolder(dir: string): Promise<void> {
  const found = await stat(dir).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new RowhouseError("fileMissing", { message: `${dir} is no folder`, hint: "Make it, or mount it." });
}

/** Reads what was written again, to its end. */
async function verify(path: string, { keys, signal }: BackupOptions, onProgress: OnProgress): Promise<void> {
  const archive = await openArchive(path, keys);
  try {
    await verifyTables(archive, { onProgress, signal });
  } finally {
    await archive.close();
  }
}

/** @throws RowhouseError usage for options under which nothing could be removed */
export function checkBackup(options: BackupOptions): void {
  const { keep } = options;
  if (keep === undefined) return;
  if (!Number.isInteger(keep) || keep < 1)
    throw new RowhouseError("usage", { message: "At least one archive has to be kept" });
  if (mayVerify(options)) return;
  throw new RowhouseError("usage", {
    message:
      options.encrypt === undefined
        ? "Only archives say whose they are: other forms can't be removed by themselves"
        : "Encrypted archives can't be verified, nor told apart, without the key that opens them",
    hint: options.encrypt === undefined ? "Leave --keep out." : "Add --identity, or leave --keep out.",
  });
}

/** A second backup within a second waits for the next one. */
async function freeName(dir: string, slug: string, format: BackupOptions["format"]): Promise<string> {
  for (;;) {
    const now = new Date();
    const name = backupName(slug, now, format);
    if ((await lstat(join(dir, name)).catch(() => null)) === null) return name;
    await sleep(1000 - now.getMilliseconds());
  }
}

async function backUp(tenant: Tenant, options: BackupOptions): Promise<Backup> {
  const { dir, format, encrypt, sign, signal, onProgress } = options;
  const name = await freeName(dir, tenant.slug, format);
  const path = join(dir, name);
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  try {
    const database = await options.databaseOf(tenant);
    const report = (progress: ArchiveProgress) => onProgress?.(tenant, progress);
    const form = { format, encrypt, sign };
    const manifest = await exportTenant(database, tenant, { path, ...form, signal, onProgress: report });
    const verified = mayVerify(options);
    if (verified) await verify(path, options, report);
    const removed = await prune(name, tenant, options);
    const bytes = await archiveSize(path);
    return { tenant, path, manifest, bytes, seconds: seconds(), verified, removed, error: null };
  } catch (error) {
    signal?.throwIfAborted();
    return { tenant, path, manifest: null, bytes: 0, seconds: seconds(), verified: false, removed: [], error };
  }
}

/**
 * Exports tenants into a folder, each into a file of its own, several side by side. A failure of one is told and does not stop the
 * others. A new archive is read again to its end before an older one goes.
 * @returns in the order of `tenants`
 * @throws RowhouseError usage, fileMissing; the signal's reason
 */
export async function backUpTenants(tenants: readonly Tenant[], options: BackupOptions): Promise<Backup[]> {
  checkBackup(options);
  await checkFolder(options.dir);
  const backups: Backup[] = [];
  const queue = tenants.entries();
  const run = async () => {
    for (const [index, tenant] of queue) {
      options.signal?.throwIfAborted();
      const backup = (backups[index] = await backUp(tenant, options));
      options.onDone?.(backup);
    }
  };
  const runs = await Promise.allSettled(Array.from({ length: options.atOnce ?? 2 }, run));
  for (const outcome of runs) if (outcome.status === "rejected") throw outcome.reason;
  return backups;
}
