import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import type { MoveSettings } from "../../move/move.ts";
import { parseDuration, parseMilliseconds } from "../duration.ts";

/** Options that set how a move is made. */
export interface SettingsOptions {
  /** False with --no-window. */
  readonly window?: string | false;
  readonly fenceLimit?: string;
  readonly lagLimit?: string;
  readonly patience?: string;
  readonly workers?: string;
}

const MOST_WORKERS = 16;
/** A fence that lasts longer than this is an outage. */
const FENCE = { leastMs: 20, mostMs: 30_000 };

/** Adds all that a new move may be told. @returns the command */
export function addSettings(command: Command): Command {
  command
    .option("--window <duration>", "how long the way back stays open (default: 24h)")
    .option("--no-window", "no way back: remove the rows at the source as soon as the tenant has moved");
  return addLimits(command).option("--workers <count>", "tables to copy at the same time (default: 2)");
}

/** Those that may be set anew when a move is resumed. */
export function addLimits(command: Command): Command {
  return command
    .option("--fence-limit <duration>", "longest that writes may wait; then they go on where they are (default: 500ms)")
    .option("--lag-limit <duration>", "no cutover before changes arrive within this (default: 100ms)")
    .option("--patience <duration>", "how long to try for that, and to wait for a database that is away (default: 2m)");
}

function readWorkers(text: string): number {
  const workers = Number(text);
  if (Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS) return workers;
  throw new RowhouseError("usage", { message: `--workers takes a number from 1 to ${MOST_WORKERS}, not ${text}` });
}

function readFence(text: string): number {
  const ms = parseMilliseconds("--fence-limit", text);
  if (ms >= FENCE.leastMs && ms <= FENCE.mostMs) return ms;
  throw new RowhouseError("usage", { message: `--fence-limit takes 20ms to 30s, not ${text}` });
}

/**
 * What the options say; the rest is left to the defaults. Pure.
 * @throws RowhouseError usage
 */
export function readSettings(options: SettingsOptions): Partial<MoveSettings> {
  const { window, fenceLimit, lagLimit, patience, workers } = options;
  return {
    ...(window !== undefined && { windowSeconds: window === false ? 0 : parseDuration("--window", window) }),
    ...(fenceLimit !== undefined && { fenceMs: readFence(fenceLimit) }),
    ...(lagLimit !== undefined && { lagMs: parseMilliseconds("--lag-limit", lagLimit) }),
    ...(patience !== undefined && { patienceSeconds: parseDuration("--patience", patience) }),
    ...(workers !== undefined && { workers: readWorkers(workers) }),
  };
}
