import type { AdoptFinding } from "./finding.ts";

/** One part of the migration. Down takes the steps in the opposite order. */
export interface Step {
  /** A comment above its statements. */
  readonly title: string;
  readonly up: readonly string[];
  readonly down: readonly string[];
}

export interface Planned {
  readonly steps: readonly Step[];
  readonly findings: readonly AdoptFinding[];
}

export const NOTHING: Planned = { steps: [], findings: [] };

/** SQL text of a string value; a backslash in it means itself (standard_conforming_strings). */
export function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A DO block; the mark around its body is one that the body does not hold. */
export function doBlock(body: string): string {
  let mark = "$adopt$";
  for (let n = 1; body.includes(mark); n++) mark = `$adopt${n}$`;
  return `do ${mark}\n${body.trim()}\n${mark};`;
}

/** A list of tables, as a regclass[] of SQL, one to a line. */
export function tableArray(identifiers: readonly string[]): string {
  return `array[\n${identifiers.map((name) => `    ${literal(name)}`).join(",\n")}\n  ]::regclass[]`;
}
