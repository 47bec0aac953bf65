/** One thing that `doctor` looked at. */
export interface Fact {
  readonly name: string;
  /** `error`: Rowhouse does not serve, or not safely. `warn`: something is less good than it could be. */
  readonly state: "ok" | "warn" | "error";
  readonly found: string;
  /** What to do; null where nothing has to be done. */
  readonly fix: string | null;
}

/** Nothing has to be done. Pure, as the two below. */
export const ok = (name: string, found: string): Fact => ({ name, state: "ok", found, fix: null });
export const warn = (name: string, found: string, fix: string): Fact => ({ name, state: "warn", found, fix });
export const error = (name: string, found: string, fix: string): Fact => ({ name, state: "error", found, fix });
