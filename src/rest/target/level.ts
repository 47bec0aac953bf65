import { RowhouseError } from "../../errors.ts";
import type { Placed, QueryParts } from "../request/query.ts";
import type { RowRange } from "../request/range.ts";
import type { EmbedTarget } from "./target.ts";

/** What the query says about one level and those below it. */
export interface LevelParts {
  readonly filters: QueryParts["filters"];
  readonly orders: QueryParts["orders"];
  readonly ranges: readonly Placed<RowRange>[];
  /** Whether anything is said about a level below. */
  readonly hasPlaced: boolean;
}

/** Whether it is said about this very level. */
export const isHere = ({ path }: Placed<unknown>): boolean => path.length === 0;

/** Notes once whether there is anything to look for further down: mostly there is not. */
export function levelParts(
  filters: LevelParts["filters"],
  orders: LevelParts["orders"],
  ranges: LevelParts["ranges"],
): LevelParts {
  const isBelow = ({ path }: Placed<unknown>) => path.length > 0;
  return { filters, orders, ranges, hasPlaced: filters.some(isBelow) || orders.some(isBelow) || ranges.some(isBelow) };
}

function below<T>(placed: readonly Placed<T>[], name: string): Placed<T>[] {
  return placed.filter(({ path }) => path[0] === name).map(({ path, value }) => ({ path: path.slice(1), value }));
}

/** What is said about the embed of this name and those below it. */
export function partsBelow(parts: LevelParts, name: string): LevelParts {
  if (!parts.hasPlaced) return NOTHING;
  return levelParts(below(parts.filters, name), below(parts.orders, name), below(parts.ranges, name));
}

const NOTHING = levelParts([], [], []);

/** @throws RowhouseError embedNotSelected */
export function refuseNotEmbedded(name: string): never {
  throw new RowhouseError("embedNotSelected", {
    message: `'${name}' is not an embedded resource in this request`,
    hint: `Verify that '${name}' is included in the 'select' query parameter.`,
  });
}

/** @throws RowhouseError embedNotSelected when something is said about an embed that is not there */
export function checkPlaces({ filters, orders, ranges }: LevelParts, embeds: readonly EmbedTarget[]): void {
  for (const { path } of [...filters, ...orders, ...ranges]) {
    const [name] = path;
    if (name !== undefined && !embeds.some((embed) => embed.name === name)) refuseNotEmbedded(name);
  }
}
