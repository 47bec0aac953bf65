import type { Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import type { Filter } from "../request/filter.ts";
import type { Logic } from "../request/logic.ts";
import { resolveField } from "./column.ts";
import { checkRegex } from "./regex.ts";
import type { EmbedTarget, ResolvedCondition } from "./target.ts";

/** PostgreSQL's time for a pattern grows with each wildcard (threats.md, H21). */
const MAX_WILDCARDS = 16;
const MAX_PATTERN = 1000;

function checkPattern({ operator, values: [pattern = ""] }: Filter): void {
  if (operator.kind === "regex") return checkRegex(pattern);
  if (operator.kind !== "pattern") return;
  let wildcards = 0;
  for (const character of pattern) if (character === "*" || character === "%") wildcards += 1;
  if (wildcards <= MAX_WILDCARDS && pattern.length <= MAX_PATTERN) return;
  throw new RowhouseError("limitExceeded", {
    message: `The pattern has ${wildcards} wildcards and ${pattern.length} characters; at most ${MAX_WILDCARDS} and ${MAX_PATTERN} are accepted`,
  });
}

/** Whose rows a condition is about. */
export interface ConditionScope {
  readonly relation: Relation;
  /** Of this level, since a filter may name one of them. */
  readonly embeds: readonly EmbedTarget[];
  /** What PostgreSQL would call the table. */
  readonly label: string;
}

/** `embed=is.null` is true where there are no rows; other operators mean a column of that name, if there is one. */
function resolveEmbedFilter({ relation, embeds }: ConditionScope, filter: Filter): ResolvedCondition | undefined {
  const { field, operator, values, isNegated } = filter;
  if (embeds.length === 0 || field.path.length > 0) return undefined;
  const embed = embeds.find((each) => each.name === field.name);
  if (embed === undefined) return undefined;
  const isNull = operator.kind === "is" && (values[0] === "null" || values[0] === "not null");
  if (isNull) return { kind: "embed", embed, isNegated: isNegated !== (values[0] === "not null") };
  if (relation.columns.has(field.name) || relation.computed.has(field.name)) return undefined;
  throw new RowhouseError("embedFilterInvalid", {
    message: `Bad operator on the '${field.name}' embedded resource`,
    details: "Only is null or not is null filters are allowed on embedded resources",
  });
}

function resolveFilter(scope: ConditionScope, filter: Filter): ResolvedCondition {
  const onEmbed = resolveEmbedFilter(scope, filter);
  if (onEmbed !== undefined) return onEmbed;
  const { field, isNegated, operator, quantifier, language, values } = filter;
  checkPattern(filter);
  const resolved = resolveField(scope.relation, field, scope.label);
  return { kind: "column", field: resolved, isNegated, operator, quantifier, language, values };
}

/** @throws MissingName; RowhouseError tenantIdGiven, limitExceeded, embedFilterInvalid */
export function resolveCondition(scope: ConditionScope, logic: Logic): ResolvedCondition {
  if (logic.kind === "filter") return resolveFilter(scope, logic);
  const members = logic.members.map((member) => resolveCondition(scope, member));
  return { kind: logic.kind, isNegated: logic.isNegated, members };
}
