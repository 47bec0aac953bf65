import type { Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import type { Field } from "../request/field.ts";
import type { Filter } from "../request/filter.ts";
import type { Logic } from "../request/logic.ts";
import { findColumn } from "./names.ts";
import type { EmbedTarget, ResolvedCondition, ResolvedField } from "./target.ts";

/** @throws MissingColumn; RowhouseError tenantIdGiven */
export function resolveField(relation: Relation, { name, path }: Field): ResolvedField {
  return { column: findColumn(relation, name), path };
}

/** PostgreSQL's time for a pattern grows with each wildcard (threats.md, H21). */
const MAX_WILDCARDS = 16;
const MAX_PATTERN = 1000;

function checkPattern({ operator, values: [pattern = ""] }: Filter): void {
  if (operator.kind !== "pattern") return;
  let wildcards = 0;
  for (const character of pattern) if (character === "*" || character === "%") wildcards += 1;
  if (wildcards <= MAX_WILDCARDS && pattern.length <= MAX_PATTERN) return;
  throw new RowhouseError("limitExceeded", {
    message: `The pattern has ${wildcards} wildcards and ${pattern.length} characters; at most ${MAX_WILDCARDS} and ${MAX_PATTERN} are accepted`,
  });
}

function resolveFilter(relation: Relation, embeds: readonly EmbedTarget[], filter: Filter): ResolvedCondition {
  const { field, isNegated, operator, quantifier, language, values } = filter;
  const isNull = operator.kind === "is" && (values[0] === "null" || values[0] === "not null");
  if (isNull && field.path.length === 0 && embeds.length > 0) {
    const embed = embeds.find((each) => each.name === field.name);
    // "is null" is true where there are no rows.
    if (embed !== undefined) return { kind: "embed", embed, isNegated: isNegated !== (values[0] === "not null") };
  }
  checkPattern(filter);
  return { kind: "column", field: resolveField(relation, field), isNegated, operator, quantifier, language, values };
}

/**
 * @param embeds of this level, since a filter may name one of them
 * @throws MissingColumn; RowhouseError tenantIdGiven, limitExceeded
 */
export function resolveCondition(relation: Relation, embeds: readonly EmbedTarget[], logic: Logic): ResolvedCondition {
  if (logic.kind === "filter") return resolveFilter(relation, embeds, logic);
  const members = logic.members.map((member) => resolveCondition(relation, embeds, member));
  return { kind: logic.kind, isNegated: logic.isNegated, members };
}
