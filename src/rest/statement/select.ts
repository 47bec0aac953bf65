import type { Relation } from "../../catalog/catalog.ts";
import type { RowRange } from "../request/range.ts";
import { isToOne } from "../target/relationship.ts";
import type { EmbedTarget, ReadTarget, ResolvedOrder, SelectedColumn } from "../target/target.ts";
import { renderField } from "./filter.ts";
import { joinTests, rowTests } from "./rows.ts";
import { quote, where, type Writer } from "./writer.ts";

const stars = new WeakMap<Relation, string>();

/** Every column by name, since `*` would be `tenant_id` as well. Not qualified: each query here has one table of its own. */
function star(relation: Relation): string {
  let list = stars.get(relation);
  if (list === undefined) stars.set(relation, (list = [...relation.columns.keys()].map(quote).join(", ")));
  return list;
}

function renderColumn(writer: Writer, { field, cast, name }: SelectedColumn, alias: string): string {
  const value = renderField(writer, field, alias);
  return `${cast === null ? value : `cast(${value} as ${cast})`} as ${quote(name)}`;
}

function renderEmbed(writer: Writer, embed: EmbedTarget, here: string, embedRows: number): string {
  const alias = writer.alias();
  const row = writer.alias();
  const tests = [...rowTests(writer, embed, alias), ...joinTests(writer, embed.relationship, here, alias)];
  const most = isToOne(embed.relationship) ? Infinity : embedRows;
  const rows = renderRows(writer, embed, { from: writer.table(embed.relation), alias, tests }, most, embedRows);
  // `row.*` and not `row`: a column of that name would be taken instead.
  const json = isToOne(embed.relationship)
    ? `(select row_to_json(${row}.*) from (${rows}) ${row})`
    : `(select coalesce(json_agg(${row}.*), '[]') from (${rows}) ${row})`;
  return `${json} as ${quote(embed.name)}`;
}

function selectList(writer: Writer, target: ReadTarget, alias: string, embedRows: number): string {
  const list = target.columns.map((column) =>
    column === "*" ? star(target.relation) : renderColumn(writer, column, alias),
  );
  for (const embed of target.embeds) {
    if (!embed.isHidden) list.push(renderEmbed(writer, embed, alias, embedRows));
  }
  return list.join(", ");
}

function renderOrder(writer: Writer, { field, embed, isDescending, nulls }: ResolvedOrder, alias: string): string {
  const direction = `${isDescending ? " desc" : ""}${nulls === null ? "" : ` nulls ${nulls}`}`;
  if (embed === null) return renderField(writer, field, alias) + direction;
  const inner = writer.alias();
  const tests = [...rowTests(writer, embed, inner), ...joinTests(writer, embed.relationship, alias, inner)];
  return `(select ${renderField(writer, field, inner)} from ${writer.table(embed.relation)} ${inner}${where(tests)})${direction}`;
}

/** First pages of a listing, in whole pages: few enough texts that each is worth to be prepared. */
const PAGES_IN_TEXT = 20;

/**
 * The limit is written out, so that the planner knows how few rows are wanted. So is the offset of the first pages: for one that
 * is bound PostgreSQL's generic plan assumes a tenth of the rows, never looks cheap, and every request is planned anew.
 */
function renderLimit(writer: Writer, { offset, limit }: RowRange, maxRows: number): string {
  const most = Math.min(limit ?? maxRows, maxRows);
  const limited = most === Infinity ? "" : ` limit ${most}`;
  if (offset === 0) return limited;
  const isInText = offset % most === 0 && offset <= most * PAGES_IN_TEXT;
  return `${limited} offset ${isInText ? String(offset) : `${writer.bind(String(offset))}::bigint`}`;
}

/** Where the rows of a level come from: a table or CTE, its alias, and the tests that are its whole `where`. */
export interface Source {
  readonly from: string;
  readonly alias: string;
  readonly tests: readonly (string | undefined)[];
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
  const { from, alias, tests } = source;
  const list = selectList(writer, target, alias, embedRows);
  const order = target.order.map((each) => renderOrder(writer, each, alias)).join(", ");
  const sorted = order === "" ? "" : ` order by ${order}`;
  return `select ${list} from ${from} ${alias}${where(tests)}${sorted}${renderLimit(writer, target.range, maxRows)}`;
}
