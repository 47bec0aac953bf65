/** Where the processor time of a benchmark goes. On Linux only, where /proc tells; elsewhere PostgreSQL's share is NaN. */
import { readdirSync, readFileSync } from "node:fs";

/** Fields of /proc/<pid>/stat after the command's name (proc(5)): state, ppid, …; utime and stime are the 12th and 13th. */
function readStat(pid: string): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^\d+ \(.*\) /, "")
      .split(" ");
  } catch {
    return undefined; // it has ended meanwhile
  }
}

const TICK_US = 10_000; // USER_HZ is 100 on every Linux that Node runs on

function ticks(fields: string[] | undefined): number {
  return fields === undefined ? 0 : Number(fields[11]) + Number(fields[12]);
}

/** cutime and cstime: children that ended and were waited for. */
function endedTicks(fields: string[] | undefined): number {
  return fields === undefined ? 0 : Number(fields[13]) + Number(fields[14]);
}

export interface CpuTime {
  /** Microseconds of this process, and of the postmaster's children, those that ended among them. */
  readonly server: number;
  readonly postgres: number;
}

/** @param postmaster process id of the PostgreSQL server; its connections are its children */
export function readCpu(postmaster: number): CpuTime {
  const { user, system } = process.cpuUsage();
  if (process.platform !== "linux") return { server: user + system, postgres: Number.NaN };
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(readStat)
    .filter((fields) => fields?.[1] === String(postmaster));
  const living = children.reduce((sum, fields) => sum + ticks(fields), 0);
  return { server: user + system, postgres: (living + endedTicks(readStat(String(postmaster)))) * TICK_US };
}
