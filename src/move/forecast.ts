import type { Move } from "./move.ts";
import type { TenantSize } from "./size.ts";

/** How long a move should take, in milliseconds. */
export interface Forecast {
  readonly copyMs: number;
  /** Both times that every row is compared. */
  readonly verifyMs: number;
  /** From the start until the tenant lives at the target and the way back is open. */
  readonly totalMs: number;
  /** How long writes wait at the cutover. */
  readonly fenceMs: number;
  /** How many earlier moves the time of the copy is learned from; 0: a cautious default. */
  readonly learnedFrom: number;
}

/** Publications, slots and subscriptions; the slot waits for the transactions that run. */
const OVERHEAD_MS = 2000;
/** A third of what two workers copied side by side (mobility.md, 2a and 2b): an estimate should rather be too long. */
const COPY_BYTES_A_MS = 20_000;
/** 0.9 million rows in 1.25 s (mobility.md, finding 9), halved. */
const VERIFY_ROWS_A_MS = 350;
/** mobility.md, finding 1: 5 to 17 ms. */
const FENCE_MS = 20;

/** Of smaller moves the time says nothing about bytes: they are all beginnings and ends. */
const TELLING_BYTES = 5_000_000;
const TELLING_ROWS = 10_000;
const LATEST = 20;

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function copyRates(moves: readonly Move[]): number[] {
  return moves.flatMap(({ facts: { copied } }) =>
    copied !== undefined && copied.bytes >= TELLING_BYTES && copied.ms > 0 ? [copied.bytes / copied.ms] : [],
  );
}

function verifyRates(moves: readonly Move[]): number[] {
  return moves
    .flatMap(({ facts: { verified } }) => Object.values(verified ?? {}))
    .flatMap(({ rows, ms }) => (rows >= TELLING_ROWS && ms > 0 ? [rows / ms] : []));
}

/**
 * What a move of this size should take, by the pace of the latest moves of this deployment. Pure.
 * @param earlier the latest first
 */
export function forecastMove({ rows, bytes }: Pick<TenantSize, "rows" | "bytes">, earlier: readonly Move[]): Forecast {
  const latest = earlier.slice(0, LATEST);
  const rates = copyRates(latest);
  const copyMs = Math.ceil(bytes / (median(rates) ?? COPY_BYTES_A_MS));
  const verifyMs = Math.ceil((2 * rows) / (median(verifyRates(latest)) ?? VERIFY_ROWS_A_MS));
  const fences = latest.flatMap(({ facts: { fence } }) => (fence === undefined ? [] : [fence.activatedMs]));
  return {
    copyMs,
    verifyMs,
    totalMs: OVERHEAD_MS + copyMs + verifyMs,
    fenceMs: Math.ceil(median(fences) ?? FENCE_MS),
    learnedFrom: rates.length,
  };
}
