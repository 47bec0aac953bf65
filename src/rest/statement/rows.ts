import { WHOLE_ROW } from "../request/media.ts";
import type { ColumnPairs, Junction, Relationship } from "../target/relationship.ts";
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

/**
 * {@link rowTests} for rows that a function gives. They are its own affair: it ran under row-level security, or made them up. Those that
 * say they are another tenant's are left out all the same.
 */
export function callTests(writer: Writer, target: ReadTarget, alias: string): string[] {
  const own = writer.tenantTest(target.relation, alias);
  return [
    ...(own === undefined ? [] : [`(${own} or ${alias}.tenant_id is null)`]),
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

/**
 * The whole row for an aggregate of the app, which may show it as it is. Its type has what no request sees as columns; the values are gone.
 * What a row's type lacks is passed over (PostgreSQL manual, 9.16: jsonb_populate_record).
 */
export function aggregatedRow(row: string): string {
  return `jsonb_populate_record(${row}, '{"tenant_id":null,"tenant_row_id":null}') as ${WHOLE_ROW}`;
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

/** What a query has to name before a table, and to test, for the rows that belong with one of `here`. */
interface Join {
  readonly before: string;
  readonly tests: readonly (string | undefined)[];
}

/** A row comes as often as the junction leads to it, as in PostgREST: a key of the junction may hold more than the two. */
function junctionJoin(
  writer: Writer,
  { from, to }: Relationship,
  junction: Junction,
  here: string,
  there: string,
): Join {
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
    ...(junction.where === undefined ? [] : [renderCondition(writer, junction.where, between)]),
  ];
  return { before: `${writer.table(relation)} ${between}, `, tests };
}

function joinOf(writer: Writer, relationship: Relationship, here: string, there: string): Join {
  const { from, to, pairs, computed, junction } = relationship;
  // The function was asked for the rows that belong.
  if (computed !== null) return { before: "", tests: [] };
  if (junction !== null) return junctionJoin(writer, relationship, junction, here, there);
  return { before: "", tests: [...tenantPair(from, to, here, there), ...pairTests(pairs, here, there)] };
}

/** Where the rows of an embed come from, and what they have to pass to belong with a row and to be read. */
export interface RelatedRows {
  readonly from: string;
  readonly alias: string;
  readonly tests: readonly (string | undefined)[];
  /** Whether another table stands beside it, so that names of columns have to be qualified. */
  readonly isJoined: boolean;
}

/** The rows of an embed that belong with a row of `here`. */
export function relatedRows(writer: Writer, embed: EmbedTarget, here: string): RelatedRows {
  const { relation, relationship } = embed;
  const { computed } = relationship;
  const alias = writer.alias();
  const own = (computed?.isRow === true ? callTests : rowTests)(writer, embed, alias);
  const { before, tests } = joinOf(writer, relationship, here, alias);
  const table =
    computed === null
      ? writer.table(relation)
      : `${quote(computed.schema)}.${quote(computed.name)}(${writer.rowOf(here)})`;
  return { from: before + table, alias, tests: [...own, ...tests], isJoined: before !== "" };
}

/** Whether a row of `here` has rows in the embed, on the page of it that is asked for. */
export function existsRows(writer: Writer, embed: EmbedTarget, here: string): string {
  const { from, alias, tests } = relatedRows(writer, embed, here);
  const { offset, limit } = embed.range;
  const page = limit === 0 ? " limit 0" : offset > 0 ? ` offset ${offset}` : "";
  return `exists (select from ${from} ${alias}${where(tests)}${page})`;
}
