/** `error`: the wall has a hole. `warn`: one less thing holds it. `info`: something that only a person can judge. */
export type Level = "error" | "warn" | "info";

/** One hit of one rule, or of one attack. */
export interface Finding {
  /** The rule's name. */
  readonly check: string;
  readonly level: Level;
  /** Stable name of this hit, to suppress it by: `rls_disabled:app.orders`. */
  readonly key: string;
  /** What it is about, for people. */
  readonly object: string;
  readonly title: string;
  /** What is wrong with this one. */
  readonly detail: string;
  /** What to do: mostly a statement to run. */
  readonly fix: string;
}
