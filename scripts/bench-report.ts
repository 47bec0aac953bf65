/** What scripts/bench.ts prints of its rounds. */
import type { Measured as Load } from "./bench-load.ts";

export interface Measured extends Load {
  /** Microseconds of processor time a request, in this process and in PostgreSQL. */
  readonly serverUs: number;
  readonly postgresUs: number;
}

export type Results = Map<string, Measured[]>;
export const keyOf = (endpoint: string, name: string) => `${endpoint}\0${name}`;

export const WRITES = ["POST", "PATCH by id", "POST, an upsert"];

/** Who is compared. */
export const NAMES = {
  whole: "Rowhouse, one round trip",
  silent: "Rowhouse, no audit trail",
  bare: "Rowhouse, no audit trail, no permissions",
  none: "same server, no tenancy",
  four: "same server, four round trips",
  plain: "plain Koa and pg, four round trips, no token",
} as const;

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const COLUMNS = [
  ["req/s", (m: Measured) => m.rate, 0],
  ["p50 ms", (m: Measured) => m.p50, 1],
  ["p99 ms", (m: Measured) => m.p99, 1],
  ["server µs", (m: Measured) => m.serverUs, 0],
  ["PostgreSQL µs", (m: Measured) => m.postgresUs, 0],
] as const;

const TITLES = [...COLUMNS.map(([title]) => title), "Rowhouse is", "without audit"];

function line(name: string, cells: readonly string[]): string {
  return name.padEnd(48) + cells.map((cell, n) => cell.padStart(n < 3 ? 9 : 15)).join("");
}

/** Of rounds that lay side by side, so that what else the machine did falls out: how much more the first does than the second. */
function ratioOf(first: readonly Measured[] | undefined, second: readonly Measured[] | undefined): number {
  return median((second ?? []).map(({ rate }, n) => (first?.[n]?.rate ?? Number.NaN) / rate));
}
const times = (ratio: number) => (Number.isNaN(ratio) ? "" : `${ratio.toFixed(2)} x`);

export function report(names: readonly string[], endpointNames: readonly string[], results: Results): void {
  for (const endpoint of endpointNames) {
    const of = (name: string) => results.get(keyOf(endpoint, name));
    console.log(`\n${line(endpoint, TITLES)}`);
    for (const name of names) {
      const rounds = of(name);
      if (rounds === undefined) continue;
      const figures = COLUMNS.map(([, pick, digits]) => median(rounds.map(pick)).toFixed(digits));
      const ratios = [NAMES.whole, NAMES.silent].map((own) => (own === name ? "" : times(ratioOf(of(own), rounds))));
      console.log(line(`  ${name}`, [...figures, ...ratios]));
    }
  }
}

/** What a write pays for each of its extras: what is left of the rate, and the database's time. */
export function reportExtras(endpointNames: readonly string[], results: Results): void {
  const extras = [
    ["the audit trail", NAMES.whole, NAMES.silent],
    ["the policies of permissions", NAMES.silent, NAMES.bare],
    ["both", NAMES.whole, NAMES.bare],
  ] as const;
  console.log(`\n${line("Of the rate of writes is left, with", ["", "", "", "PostgreSQL µs"])}`);
  for (const endpoint of endpointNames.filter((name) => WRITES.includes(name))) {
    for (const [extra, withIt, without] of extras) {
      const [more, less] = [withIt, without].map((name) => results.get(keyOf(endpoint, name)) ?? []) as [
        Measured[],
        Measured[],
      ];
      const cost = median(more.map(({ postgresUs }, n) => postgresUs - (less[n]?.postgresUs ?? Number.NaN)));
      console.log(
        line(`  ${endpoint}: ${extra}`, [
          times(ratioOf(more, less)),
          "",
          "",
          `${cost < 0 ? "" : "+"}${cost.toFixed(0)}`,
        ]),
      );
    }
  }
}
