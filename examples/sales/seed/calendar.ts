import type { Random } from "./random.ts";

const DAY_MS = 86_400_000;

/** The "today" of the example. Fixed, or the same slug would give other rows tomorrow. */
export const TODAY_MS = Date.UTC(2026, 10, 1);

/** How far back invoices and expenses go. */
export const HISTORY_DAYS = 730;

const dates = new Map<number, string>();

/** The date so many days after {@link TODAY_MS} (before it when negative), as `YYYY-MM-DD`. */
export function dateOn(day: number): string {
  let date = dates.get(day);
  if (date === undefined) {
    date = new Date(TODAY_MS + day * DAY_MS).toISOString().slice(0, 10);
    dates.set(day, date);
  }
  return date;
}

/** A moment of that day within office hours, in milliseconds since 1970. */
export function momentOn(day: number, random: Random): number {
  return TODAY_MS + day * DAY_MS + random.integer(8 * 3_600_000, 18 * 3_600_000);
}

export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** The day of the `index`th of `count` documents: in order, and closer together the later, since business grows. */
export function documentDay(index: number, count: number, random: Random): number {
  const progress = Math.sqrt((index + random.fraction()) / count);
  return Math.min(-1, Math.floor(progress * HISTORY_DAYS) - HISTORY_DAYS);
}
