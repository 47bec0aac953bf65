/** `error`: something was left out until a person writes it. `warn`: it was changed, and may mean less. `info`: good to know. */
export type AdoptLevel = "error" | "warn" | "info";

/** What adopt can't decide alone. */
export interface AdoptFinding {
  readonly level: AdoptLevel;
  /** Stable name of the kind, as in the guide's table. */
  readonly kind: string;
  readonly object: string;
  /** What was done, or not done, and why. */
  readonly reason: string;
  /** The line to write by hand; empty when there is none. */
  readonly line: string;
}

export const LEVELS: readonly AdoptLevel[] = ["error", "warn", "info"];

/** Whether somebody has to look before the schema means what it meant. */
export function isOpen({ level }: AdoptFinding): boolean {
  return level !== "info";
}
