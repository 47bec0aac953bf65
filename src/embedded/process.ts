import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** The system user that a child process runs as; `null` in its place means: as we are. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

export interface Outcome {
  /** Exit code 0. */
  readonly ok: boolean;
  /** stdout, or for a failure all that was said. */
  readonly output: string;
}

/** A small fixed environment: nothing of ours (PG*, LD_*, locale) may steer the server, and TZ is initdb's default time zone. */
export const CHILD_ENV: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
};

/** Runs a program to its end. Never rejects: a program that can't be run is an outcome too. */
export function run(
  file: string,
  args: readonly string[],
  { user = null, env = CHILD_ENV }: { user?: RunAs | null; env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  // From `/`, since the user may not be allowed to enter the folder that we are in.
  const options = { cwd: "/", env, ...(user && { uid: user.uid, gid: user.gid }) };
  return new Promise((resolve) => {
    const settle = (error: Error | null, stdout = "", stderr = "") => {
      const said = `${stdout}${stderr}`.trim();
      resolve(error ? { ok: false, output: said || error.message } : { ok: true, output: stdout });
    };
    try {
      execFile(file, args, options, settle);
    } catch (error) {
      settle(error as Error);
    }
  });
}

/** Fields of `/proc/<pid>/stat` after the command name, which may itself hold blanks and parentheses. */
async function statFields(pid: number): Promise<string[] | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** Whether the process runs. A zombie does not: where PID 1 does not reap, dead servers stay visible for ever. */
export async function isAlive(pid: number): Promise<boolean> {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const state = (await statFields(pid))?.[0];
  return state !== "Z" && state !== "X";
}

/**
 * When the process began, as an opaque text that no other process of the same id shares; `null` if it can't be known.
 * Ticks since boot alone would repeat after a reboot, so the boot's id is part of it.
 */
export async function startOf(pid: number): Promise<string | null> {
  const ticks = (await statFields(pid))?.[19];
  if (ticks !== undefined) {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
    return `${boot.trim()}:${ticks}`;
  }
  const listed = await run("ps", ["-o", "lstart=", "-p", String(pid)]);
  return listed.ok ? listed.output.trim() || null : null;
}

/** Waits until the process is gone. @returns whether it is, after at most `timeoutMs` */
export async function waitForEnd(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}
