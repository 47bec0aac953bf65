import type { Relation } from "../../catalog/catalog.ts";
import { isToOne } from "../target/relationship.ts";
import { isGrouped } from "../target/resolve.ts";
import type { EmbedTarget, ReadTarget } from "../target/target.ts";
import { columnOutput, hasOutputs, outputValue, renderGroups, starOutputs, type Output } from "./output.ts";
import { renderLimit, renderOrders, type Spreads } from "./page.ts";
import { relatedRows } from "./rows.ts";
import { quote, where, type Writer } from "./writer.ts";

const stars = new WeakMap<Relation, string>();

/** Every column by name, since `*` would be `tenant_id` as well. Not qualified: the query has one table of its own. */
function star(relation: Relation): string {
  let list = stars.get(relation);
  if (list === undefined) {
    const named = [...relation.columns.values()].map(({ name, representation }) => {
      const shown = representation?.toJson;
      return shown === undefined || shown === null ? quote(name) : `${shown}(${quote(name)}) as ${quote(name)}`;
    });
    stars.set(relation, (list = named.join(", ")));
  }
  return list;
}

/** Every column of `alias` as `*` shows it. */
export function shownColumns(relation: Relation, alias: string): string {
  return [...relation.columns.values()]
    .map(({ name, representation }) => {
      const value = `${alias}.${quote(name)}`;
      const shown = representation?.toJson;
      return `${shown === undefined || shown === null ? value : `${shown}(${value})`} as ${quote(name)}`;
    })
    .join(", ");
}

/** Where the rows of a level come from: a table, CTE or call, its alias, and the tests that are its whole `where`. */
export interface Source {
  readonly from: string;
  readonly alias: string;
  readonly tests: readonly (string | undefined)[];
  /** What to select instead of what the target says. */
  readonly list?: string | undefined;
  /** Whether `from` names other tables as well, so that names of columns have to be qualified. */
  readonly isJoined?: boolean;
}

/** What a query selects, besides where from. */
interface Selection {
  readonly list: string;
  readonly joins: readonly string[];
  readonly groups: string;
  readonly spreads: Spreads;
}

const NO_SPREADS: Spreads = new Map();

function listOnly(list: string): Selection {
  return { list, joins: [], groups: "", spreads: NO_SPREADS };
}

/** What is to one by its key gives one row; a view or a function may break its word, and then the first row counts. */
function mostRows({ relationship }: EmbedTarget, embedRows: number): number {
  if (!isToOne(relationship)) return embedRows;
  return relationship.to.kind === "view" || relationship.computed !== null ? 1 : Infinity;
}

/** The rows of an embed as one value. JSONB, as PostgREST has it: so that its keys are sorted and spaced as there. */
function renderEmbed(writer: Writer, embed: EmbedTarget, here: string, embedRows: number): string {
  const source = relatedRows(writer, embed, here);
  const row = writer.alias();
  const rows = renderRows(writer, embed, source, mostRows(embed, embedRows), embedRows);
  // `row.*` and not `row`: a column of that name would be taken instead.
  return isToOne(embed.relationship)
    ? `(select to_jsonb(${row}.*) from (${rows}) ${row})`
    : `(select coalesce(jsonb_agg(${row}.*), '[]') from (${rows}) ${row})`;
}

/** The rows of an embed as a value that can be grouped by, though no column that leads to them is: by a join. */
function joinEmbed(writer: Writer, embed: EmbedTarget, here: string, embedRows: number): { join: string; sql: string } {
  const alias = writer.alias();
  return {
    join: ` cross join lateral (select ${renderEmbed(writer, embed, here, embedRows)} as c0) ${alias}`,
    sql: `${alias}.c0`,
  };
}

interface Spread {
  readonly join: string;
  readonly outputs: readonly Output[];
}

/** The keys of a spread embed, by a join; of a to-many one each a list of its rows' values. Aggregates are left to the level above. */
function joinSpread(writer: Writer, embed: EmbedTarget, here: string, embedRows: number): Spread {
  const source = relatedRows(writer, embed, here);
  const spread = writer.alias();
  const { outputs: inner, joins, spreads } = readOutputs(writer, embed, source.alias, embedRows);
  const list = inner.map(({ sql }, n) => `${sql} as c${n}`).join(", ");
  const rows = renderQuery(writer, embed, source, { list, joins, spreads, groups: "" }, mostRows(embed, embedRows));
  const outputs = inner.map(({ name, aggregate }, n) => ({ name, sql: `${spread}.c${n}`, aggregate }));
  if (isToOne(embed.relationship)) return { join: ` left join lateral (${rows}) ${spread} on true`, outputs };
  const row = writer.alias();
  const lists = inner.map((_, n) => `coalesce(jsonb_agg(${row}.c${n}), '[]') as c${n}`).join(", ");
  return { join: ` left join lateral (select ${lists} from (${rows}) ${row}) ${spread} on true`, outputs };
}

interface Outputs {
  readonly outputs: readonly Output[];
  readonly joins: readonly string[];
  readonly spreads: Spreads;
}

/** All keys of a level, each by itself: columns first, then embeds in their order, as PostgREST has them. */
function readOutputs(writer: Writer, target: ReadTarget, alias: string, embedRows: number): Outputs {
  const outputs = target.columns.flatMap((column) =>
    column === "*" ? starOutputs(writer, target.relation, alias) : columnOutput(writer, column, alias),
  );
  const joins: string[] = [];
  const spreads = new Map<EmbedTarget, readonly Output[]>();
  for (const embed of target.embeds) {
    if (embed.isHidden) continue;
    if (embed.isSpread) {
      const spread = joinSpread(writer, embed, alias, embedRows);
      joins.push(spread.join);
      outputs.push(...spread.outputs);
      spreads.set(embed, spread.outputs);
    } else if (isGrouped(target)) {
      const { join, sql } = joinEmbed(writer, embed, alias, embedRows);
      joins.push(join);
      outputs.push({ name: embed.name, sql, aggregate: null });
    } else outputs.push({ name: embed.name, sql: renderEmbed(writer, embed, alias, embedRows), aggregate: null });
  }
  return { outputs, joins, spreads };
}

function named({ name, sql }: Output): string {
  return `${sql} as ${quote(name)}`;
}

function plainList(writer: Writer, target: ReadTarget, { alias, isJoined }: Source, embedRows: number): string {
  const { relation } = target;
  const all = () => (isJoined === true ? starOutputs(writer, relation, alias).map(named).join(", ") : star(relation));
  const list = target.columns.map((column) => (column === "*" ? all() : named(columnOutput(writer, column, alias))));
  for (const embed of target.embeds) {
    if (!embed.isHidden) list.push(`${renderEmbed(writer, embed, alias, embedRows)} as ${quote(embed.name)}`);
  }
  return list.join(", ");
}

function selectionOf(writer: Writer, target: ReadTarget, source: Source, embedRows: number): Selection {
  if (source.list !== undefined) return listOnly(source.list);
  if (!hasOutputs(target)) return listOnly(plainList(writer, target, source, embedRows));
  const { outputs, joins, spreads } = readOutputs(writer, target, source.alias, embedRows);
  const values = outputs.map((output) => named({ ...output, sql: outputValue(output) }));
  return { list: values.join(", "), joins, groups: renderGroups(outputs), spreads };
}

function renderQuery(
  writer: Writer,
  target: ReadTarget,
  { from, alias, tests }: Source,
  { list, joins, groups, spreads }: Selection,
  maxRows: number,
): string {
  const sorted = renderOrders(writer, target.order, alias, spreads);
  const limited = renderLimit(writer, target.range, maxRows);
  return `select ${list} from ${from} ${alias}${joins.join("")}${where(tests)}${groups}${sorted}${limited}`;
}

/**
 * The rows of one level, with their embeds, as a query.
 * @param maxRows the most rows of this level, Infinity for all; `embedRows` the most of any embed
 */
export function renderRows(
  writer: Writer,
  target: ReadTarget,
  source: Source,
  maxRows: number,
  embedRows: number,
): string {
  return renderQuery(writer, target, source, selectionOf(writer, target, source, embedRows), maxRows);
}
