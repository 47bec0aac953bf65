import { RowhouseError } from "../../errors.ts";
import type { Placed, QueryParts } from "../request/query.ts";
import type { RowRange } from "../request/range.ts";
import type { EmbedItem } from "../request/select.ts";
import type { LegacyName } from "./target.ts";

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

function below<T>(placed: readonly Placed<T>[], names: ReadonlySet<string>): Placed<T>[] {
  return placed
    .filter(({ path: [name] }) => name !== undefined && names.has(name))
    .map(({ path, value }) => ({ path: path.slice(1), value }));
}

/** What is said, by any of these names, about an embed and those below it. */
export function partsBelow(parts: LevelParts, names: ReadonlySet<string>): LevelParts {
  if (!parts.hasPlaced) return NOTHING;
  return levelParts(below(parts.filters, names), below(parts.orders, names), below(parts.ranges, names));
}

const NOTHING = levelParts([], [], []);

/** @throws RowhouseError embedNotSelected */
export function refuseNotEmbedded(name: string): never {
  throw new RowhouseError("embedNotSelected", {
    message: `'${name}' is not an embedded resource in this request`,
    hint: `Verify that '${name}' is included in the 'select' query parameter.`,
  });
}

/**
 * PostgREST, url-use-legacy-target-names=false.
 * @throws RowhouseError embedNotSelected
 */
export function refuseLegacy({ relation, alias }: LegacyName): never {
  throw new RowhouseError("embedNotSelected", {
    message: `'${relation}' is not an embedded resource in this request`,
    details: "Target names are not allowed in filters if they have an alias",
    hint: `Change '${relation}' to '${alias}' in filters, orders or limits.`,
  });
}

/**
 * By which names the request speaks of the embeds of a level: the alias, or (PostgREST, legacy target names) the relation's name, which
 * then means the first embed that has it.
 * @throws RowhouseError embedNotSelected when something is said about an embed that is not there
 */
export function namesOfEmbeds(parts: LevelParts, embeds: readonly EmbedItem[]): Map<EmbedItem, Set<string>> {
  const names = new Map<EmbedItem, Set<string>>();
  for (const { path } of [...parts.filters, ...parts.orders, ...parts.ranges]) {
    const [name] = path;
    if (name === undefined) continue;
    const embed =
      embeds.find((each) => (each.alias ?? each.relation) === name) ?? embeds.find((each) => each.relation === name);
    if (embed === undefined) return refuseNotEmbedded(name);
    names.set(embed, (names.get(embed) ?? new Set()).add(name));
  }
  return names;
}
