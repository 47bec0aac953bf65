import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Failing } from "../../src/db/readiness.ts";
import { openReadiness } from "../../src/http/readiness.ts";
import { openLog } from "../../src/log.ts";

const DOWN: Failing = { fact: "table_unprotected", problem: "Of a test", fix: "None", isolation: true };

/** What there is to find, and how long the next look takes. */
let found: readonly Failing[];
let tookMs: number;
let looks: number;
const open = () =>
  openReadiness(async () => {
    looks++;
    vi.advanceTimersByTime(tookMs);
    return [...found];
  }, openLog("silent"));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  [found, tookMs, looks] = [[], 5, 0];
});
afterEach(() => void vi.useRealTimers());

test("a look is good for a second", async () => {
  const readiness = open();
  await readiness.current();
  found = [DOWN];
  vi.advanceTimersByTime(900);
  expect([await readiness.current(), looks]).toEqual([[], 1]);
  vi.advanceTimersByTime(200);
  expect([await readiness.current(), looks]).toEqual([[DOWN], 2]);
});

test("one that took long, because something stood still, is good for no longer", async () => {
  const readiness = open();
  await readiness.current();
  vi.advanceTimersByTime(1100);
  tookMs = 5000;
  await readiness.current();
  [found, tookMs] = [[DOWN], 5];
  vi.advanceTimersByTime(1100);
  expect([await readiness.current(), looks]).toEqual([[DOWN], 3]);
});

test("where every look takes long, they are made for a twentieth of the time", async () => {
  const readiness = open();
  tookMs = 400;
  await readiness.current();
  vi.advanceTimersByTime(1100);
  await readiness.current();
  vi.advanceTimersByTime(7900);
  await readiness.current();
  expect(looks).toBe(2);
  vi.advanceTimersByTime(200);
  await readiness.current();
  expect(looks).toBe(3);
});
