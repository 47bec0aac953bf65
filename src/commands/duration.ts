import { RowhouseError } from "../errors.ts";

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Pure: seconds in `90s`, `30m`, `24h` or `7d`.
 * @param option its name, for the error
 * @throws RowhouseError usage
 */
export function parseDuration(option: string, text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    throw new RowhouseError("usage", {
      message: `${option} is not a duration: ${text}`,
      hint: "Write it as 90s, 30m, 24h or 7d.",
    });
  }
  return Number(count) * SECONDS[unit]!;
}

/**
 * Pure: milliseconds in `250ms`, or in whatever {@link parseDuration} reads.
 * @throws RowhouseError usage
 */
export function parseMilliseconds(option: string, text: string): number {
  const [, count] = /^(\d{1,9})ms$/.exec(text) ?? [];
  return count === undefined ? parseDuration(option, text) * 1000 : Number(count);
}
