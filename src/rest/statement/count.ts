import type { Preferences } from "../request/preferences.ts";
import { where } from "./writer.ts";

/**
 * How far the total is counted, null for all of the way. `planned` and `estimated` are PostgREST's names for what the planner thinks, which
 * would tell of other tenants' rows (threats.md, 5): here both count exactly, up to a limit.
 */
export function countLimitOf({ count }: Pick<Preferences, "count">, countLimit: number): number | null {
  return count === "planned" || count === "estimated" ? countLimit : null;
}

/** What is counted: rows of `from`, under the alias that the tests name. */
export interface Counted {
  readonly from: string;
  readonly alias: string;
  readonly tests: readonly (string | undefined)[];
}

/**
 * SQL of the total.
 * @param limit as {@link countLimitOf} gives it: one row more than that is counted, so that it shows whether there are more
 */
export function renderTotal({ from, alias, tests }: Counted, limit: number | null): string {
  const source = `from ${from} ${alias}${where(tests)}`;
  return limit === null
    ? `(select count(*) ${source})`
    : `(select count(*) from (select ${source} limit ${limit + 1}) c)`;
}
