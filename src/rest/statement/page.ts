import type { RowRange } from "../request/range.ts";
import type { EmbedTarget, ResolvedOrder } from "../target/target.ts";
import { renderField } from "./filter.ts";
import { outputValue, type Output } from "./output.ts";
import { relatedRows } from "./rows.ts";
import { where, type Writer } from "./writer.ts";

/** The keys that each spread embed of a level gave. */
export type Spreads = ReadonlyMap<EmbedTarget, readonly Output[]>;

/** By a column of the level, of a spread that is joined to it, or of the row that an embed leads to. */
function orderValue(writer: Writer, order: ResolvedOrder, alias: string, spreads: Spreads): string {
  const { field, embed, spreadName } = order;
  if (embed === null) return renderField(writer, field, alias);
  const joined = spreads.get(embed)?.find(({ name }) => name === spreadName);
  if (joined !== undefined) return outputValue(joined);
  const { from, alias: inner, tests } = relatedRows(writer, embed, alias);
  const isSure = embed.relation.kind === "table" && embed.relationship.computed === null;
  return `(select ${renderField(writer, field, inner)} from ${from} ${inner}${where(tests)}${isSure ? "" : " limit 1"})`;
}

/** `order by` of a level, or nothing. */
export function renderOrders(
  writer: Writer,
  orders: readonly ResolvedOrder[],
  alias: string,
  spreads: Spreads,
): string {
  if (orders.length === 0) return "";
  const terms = orders.map((order) => {
    const { isDescending, nulls } = order;
    const value = orderValue(writer, order, alias, spreads);
    return `${value}${isDescending ? " desc" : ""}${nulls === null ? "" : ` nulls ${nulls}`}`;
  });
  return ` order by ${terms.join(", ")}`;
}

/** First pages of a listing, in whole pages: few enough texts that each is worth to be prepared. */
const PAGES_IN_TEXT = 20;

/**
 * The limit is written out, so that the planner knows how few rows are wanted. So is the offset of the first pages: for one that
 * is bound PostgreSQL's generic plan assumes a tenth of the rows, never looks cheap, and every request is planned anew.
 */
export function renderLimit(writer: Writer, { offset, limit }: RowRange, maxRows: number): string {
  const most = Math.min(limit ?? maxRows, maxRows);
  const limited = most === Infinity ? "" : ` limit ${most}`;
  if (offset === 0) return limited;
  const isInText = offset % most === 0 && offset <= most * PAGES_IN_TEXT;
  return `${limited} offset ${isInText ? String(offset) : `${writer.bind(String(offset))}::bigint`}`;
}
