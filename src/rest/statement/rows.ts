import type { ColumnPairs, Relationship } from "../target/relationship.ts";
import type { EmbedTarget, ReadTarget, ResolvedCondition } from "../target/target.ts";
import { renderFilter } from "./filter.ts";
import { quote, where, type Writer } from "./writer.ts";

/** One condition on the rows of `alias`. */
export function renderCondition(writer: Writer, condition: ResolvedCondition, alias: string): string {
  if (condition.kind === "column") {
    const test = renderFilter(writer, condition, alias);
    return condition.isNegated ? `not (${test})` : test;
  }
  if (condition.kind === "embed")
    return `${condition.isNegated ? "" : "not "}${existsRows(writer, condition.embed, alias)}`;
  const members = condition.members.map((member) => renderCondition(writer, member, alias));
  return `${condition.isNegated ? "not " : ""}(${members.join(` ${condition.kind} `)})`;
}

/** The tenant's predicate and the filters: what picks the rows of `alias` that a write changes, whatever is embedded in its answer. */
export function ownTests(writer: Writer, target: ReadTarget, alias: string): (string | undefined)[] {
  const tests = [writer.tenantTest(target.relation, alias)];
  for (const condition of target.where) tests.push(renderCondition(writer, condition, alias));
  return tests;
}

/** {@link rowTests} without the tenant's: for rows that a function gives, which it may have made up. */
export function callTests(writer: Writer, target: ReadTarget, alias: string): string[] {
  return [
    ...target.where.map((condition) => renderCondition(writer, condition, alias)),
    ...innerTests(writer, target, alias),
  ];
}

function isComputed(condition: ResolvedCondition): boolean {
  if (condition.kind === "column") return condition.field.computedIn !== null;
  if (condition.kind === "embed") return false;
  return condition.members.some(isComputed);
}

/** Whether some function takes the rows of the target whole: then {@link Writer.rowIs} has to be said of a CTE's. */
export function readsWholeRow({ columns, embeds, where, order }: ReadTarget): boolean {
  return (
    columns.some((column) => column !== "*" && column.field !== null && column.field.computedIn !== null) ||
    embeds.some(({ relationship }) => relationship.computed !== null) ||
    where.some(isComputed) ||
    order.some(({ embed, field }) => embed === null && field.computedIn !== null)
  );
}

/** What the rows of `alias` have to pass to be read: {@link ownTests}, and rows in every inner embed. */
export function rowTests(writer: Writer, target: ReadTarget, alias: string): (string | undefined)[] {
  return [...ownTests(writer, target, alias), ...innerTests(writer, target, alias)];
}

/** Rows in every `!inner` embed. */
export function innerTests(writer: Writer, { embeds }: ReadTarget, alias: string): string[] {
  return embeds.filter((embed) => embed.isInner).map((embed) => existsRows(writer, embed, alias));
}

function pairTests(pairs: ColumnPairs, here: string, there: string): string[] {
  return pairs.map(([mine, theirs]) => `${there}.${quote(theirs)} = ${here}.${quote(mine)}`);
}

/** Rows of two tenants never belong together: `tenant_id` is part of every key. */
function tenantPair(one: { hasTenant: boolean }, other: { hasTenant: boolean }, here: string, there: string): string[] {
  return one.hasTenant && other.hasTenant ? [`${there}.tenant_id = ${here}.tenant_id`] : [];
}

function junctionTest(writer: Writer, { from, to, junction }: Relationship, here: string, there: string): string[] {
  if (junction === null) return [];
  const { relation, origin, target } = junction;
  const between = writer.alias();
  const pairs = (columns: readonly string[], referenced: readonly string[]) =>
    referenced.map((name, n) => [name, columns[n] ?? ""] as const);
  const tests = [
    writer.tenantTest(relation, between),
    ...tenantPair(from, relation, here, between),
    ...pairTests(pairs(origin.columns, origin.referenced), here, between),
    ...tenantPair(to, relation, there, between),
    ...pairTests(pairs(target.columns, target.referenced), there, between),
  ];
  return [`exists (select from ${writer.table(relation)} ${between}${where(tests)})`];
}

/** What makes a row of `there` belong with one of `here`; nothing, where a function was asked for those that do. */
export function joinTests(writer: Writer, relationship: Relationship, here: string, there: string): string[] {
  const { from, to, pairs, computed } = relationship;
  if (computed !== null) return [];
  return [
    ...tenantPair(from, to, here, there),
    ...pairTests(pairs, here, there),
    ...junctionTest(writer, relationship, here, there),
  ];
}

/** Where the rows of an embed come from: the table, or the function that computes them from a row of `here`. */
export function embedSource(writer: Writer, { relation, relationship: { computed } }: EmbedTarget, here: string): string {
  if (computed === null) return writer.table(relation);
  return `${quote(computed.schema)}.${quote(computed.name)}(${writer.rowOf(here)})`;
}

/** What rows of the embed have to pass to belong with a row of `here` and be read. */
export function embedTests(
  writer: Writer,
  embed: EmbedTarget,
  here: string,
  alias: string,
): (string | undefined)[] {
  return [...rowTests(writer, embed, alias), ...joinTests(writer, embed.relationship, here, alias)];
}

/** Whether a row of `here` has rows in the embed. */
export function existsRows(writer: Writer, embed: EmbedTarget, here: string): string {
  const alias = writer.alias();
  const tests = embedTests(writer, embed, here, alias);
  return `exists (select from ${embedSource(writer, embed, here)} ${alias}${where(tests)})`;
}
