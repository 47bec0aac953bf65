import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { RowhouseError } from "../errors.ts";

/** The hidden folder in which an export grows: beside its target, on the same file system, so that it can be renamed into place. */
export interface Workshop {
  /** Where the rows of the table with this number are put, compressed. */
  spoolPath(index: number): string;
  /** What is to become the target. */
  readonly productPath: string;
  remove(): Promise<void>;
}

/** `.<target>.partial-<host>-<pid>-<random>` */
const PARTIAL = /^\..+\.partial-([0-9a-f]{8})-(\d+)-\w{6}$/;
/** A folder that another host made, which can't be asked, as in a container that is no more. No export takes that long. */
const STALE_MS = 7 * 24 * 60 * 60 * 1000;

const hostDigest = () => createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function isStale(folder: string, host: string, pid: number): Promise<boolean> {
  if (host === hostDigest()) return !isAlive(pid);
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

/** Removes what exports into this folder left that were killed. Failing to is no reason not to export. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, host, pid] = PARTIAL.exec(name) ?? [];
    if (host === undefined || !(await isStale(join(folder, name), host, Number(pid)))) continue;
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * @param target what the export is to become; null for one that leaves through a pipe, which works in the system's temporary folder
 * @throws RowhouseError fileMissing when the target's folder does not exist or can't be written to
 */
export async function openWorkshop(target: string | null): Promise<Workshop> {
  const parent = target === null ? tmpdir() : dirname(target);
  await sweep(parent);
  const name = `.${target === null ? "rowhouse" : basename(target)}.partial-${hostDigest()}-${process.pid}-`;
  const folder = await mkdtemp(join(parent, name)).catch((cause: unknown) => {
    throw new RowhouseError("fileMissing", {
      message: `Can't write in ${parent}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: "Name a folder that exists and that you may write in.",
      cause,
    });
  });
  return {
    spoolPath: (index) => join(folder, `${index}.zst`),
    productPath: join(folder, "product"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
