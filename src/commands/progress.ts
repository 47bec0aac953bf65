import type { ArchiveProgress } from "../archive/progress.ts";
import type { Output } from "./output.ts";

/** How often the line is drawn anew on a terminal, and how often a new line is written where there is none. */
const DRAW_MS = 100;
const PLAIN_MS = 3000;
const EVENT_MS = 500;

const PHASES: Readonly<Record<ArchiveProgress["phase"], string>> = {
  count: "counting",
  copy: "copying",
  pack: "packing",
  verify: "verifying",
  load: "loading",
  compare: "comparing",
};

/** Rows and bytes of one phase so far, per table: several are worked on side by side. */
interface Phase {
  readonly startedAt: number;
  readonly tables: Map<string, ArchiveProgress>;
}

/** How far a phase is. */
export interface Pace {
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Whole seconds that are left, at the pace so far; null while nobody can tell. */
  readonly eta: number | null;
}

/** Pure: 1,234 B, 1.2 MB, 3.4 GB, in powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

/** Pure: 0.3 s, 42 s, 2 min 5 s, 1 h 3 min. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Pure. */
export function describeProgress(progress: ArchiveProgress, pace: Pace): string {
  const of = progress.totalRows === null ? "" : ` of ${progress.totalRows.toLocaleString("en")}`;
  const parts = [`${PHASES[progress.phase]} ${progress.table}`, `${progress.rows.toLocaleString("en")}${of} rows`];
  if (pace.bytes > 0) parts.push(formatBytes(pace.bytes));
  if (pace.bytes > 0 && pace.seconds > 0.2) parts.push(`${formatBytes(pace.bytes / pace.seconds)}/s`);
  if (pace.eta !== null) parts.push(`${formatSeconds(pace.eta)} left`);
  return parts.join("  ");
}

function paceOf({ startedAt, tables }: Phase, allRows: number | null, now: number): Pace {
  const sum = (pick: (table: ArchiveProgress) => number) =>
    [...tables.values()].reduce((all, one) => all + pick(one), 0);
  const rows = sum((table) => table.rows);
  const seconds = (now - startedAt) / 1000;
  const eta = allRows !== null && rows > 0 && seconds > 0.5 ? Math.ceil(((allRows - rows) / rows) * seconds) : null;
  return { rows, bytes: sum((table) => table.bytes), seconds, eta };
}

/** What shows progress: a line that changes on a terminal, lines every few seconds elsewhere, events with --json. */
export interface ProgressLine {
  readonly show: (progress: ArchiveProgress) => void;
  /** Clears the line, before anything else is printed. */
  readonly end: () => void;
}

/**
 * @param terminal where the line is drawn
 * @param tenant whose progress it is, where there are several
 */
export function openProgress(
  out: Output,
  terminal: NodeJS.WriteStream = process.stderr,
  tenant?: string,
): ProgressLine {
  const phases = new Map<string, Phase>();
  const isDrawn = terminal.isTTY && !out.quiet && !out.json;
  const everyMs = out.json ? EVENT_MS : isDrawn ? DRAW_MS : PLAIN_MS;
  let shownAt = performance.now();

  const put = (progress: ArchiveProgress, pace: Pace) => {
    out.event({
      event: "progress",
      tenant,
      ...progress,
      seconds: Math.round(pace.seconds * 1000) / 1000,
      eta: pace.eta,
    });
    if (out.json) return;
    const text = (tenant === undefined ? "" : `${tenant}: `) + describeProgress(progress, pace);
    if (isDrawn) terminal.write(`\r\x1b[2K${text.slice(0, (terminal.columns || 80) - 1)}`);
    else out.talk(text);
  };
  return {
    show: (progress) => {
      const now = performance.now();
      const phase = phases.get(progress.phase) ?? { startedAt: now, tables: new Map() };
      phases.set(progress.phase, phase);
      phase.tables.set(progress.table, progress);
      if (now - shownAt < everyMs && !(out.json && progress.done)) return;
      put(progress, paceOf(phase, progress.allRows, now));
      shownAt = now;
    },
    end: () => {
      if (isDrawn) terminal.write("\r\x1b[2K");
    },
  };
}
