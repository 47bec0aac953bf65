import { RowhouseError } from "../../errors.ts";
import type { Logic } from "./logic.ts";
import type { QueryParts } from "./query.ts";
import type { SelectItem } from "./select.ts";

/** How much one query string may ask for. */
export interface QueryLimits {
  readonly maxUrlBytes: number;
  readonly maxSelectItems: number;
  readonly maxFilters: number;
  readonly maxLogicDepth: number;
  readonly maxListItems: number;
}

function refuse(message: string, hint?: string): never {
  throw new RowhouseError("limitExceeded", { message, hint });
}

/** @throws RowhouseError limitExceeded */
export function checkUrl(path: readonly string[], query: string, { maxUrlBytes }: QueryLimits): void {
  const length = query.length + path.reduce((sum, segment) => sum + segment.length + 1, 0);
  if (length <= maxUrlBytes) return;
  refuse(
    `The path and the query have ${length} bytes; at most ${maxUrlBytes} are accepted`,
    "Ask in several requests, or call a function by POST.",
  );
}

function countItems(items: readonly SelectItem[]): number {
  return items.reduce((sum, item) => sum + 1 + (item.kind === "embed" ? countItems(item.items) : 0), 0);
}

/** Looks at a tree of filters. @returns how many there are */
function countFilters(logic: Logic, depth: number, limits: QueryLimits): number {
  if (logic.kind === "filter") {
    const { length } = logic.values;
    if (length > limits.maxListItems)
      refuse(
        `The list of ${logic.field.name} has ${length} values; at most ${limits.maxListItems} are accepted`,
        "Ask in several requests.",
      );
    return 1;
  }
  if (depth > limits.maxLogicDepth) refuse(`The logic tree is nested deeper than ${limits.maxLogicDepth} levels`);
  return logic.members.reduce((sum, member) => sum + countFilters(member, depth + 1, limits), 0);
}

/**
 * Refuses what would cost more to plan and to run than a request may (threats.md, H19). How embeds nest is looked at where they are resolved,
 * and what a pattern costs where its column is.
 * @throws RowhouseError limitExceeded
 */
export function checkQuery({ select, filters, orders }: QueryParts, limits: QueryLimits): void {
  const items = countItems(select);
  if (items > limits.maxSelectItems)
    refuse(`The request selects ${items} columns and embeds; at most ${limits.maxSelectItems} are accepted`);
  const terms = orders.reduce((sum, { value }) => sum + value.length, 0);
  if (terms > limits.maxSelectItems)
    refuse(`The request is ordered by ${terms} terms; at most ${limits.maxSelectItems} are accepted`);
  const count = filters.reduce((sum, { value }) => sum + countFilters(value, 1, limits), 0);
  if (count > limits.maxFilters) refuse(`The request has ${count} filters; at most ${limits.maxFilters} are accepted`);
}
