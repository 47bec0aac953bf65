import type { Statement } from "../../db/statement.ts";
import type { Media } from "../request/media.ts";
import { isGrouped } from "../target/resolve.ts";
import type { PageTarget } from "../target/page.ts";
import type { ReadTarget } from "../target/target.ts";
import { renderTotal } from "./count.ts";
import { rowDigest } from "./digest.ts";
import { statementName } from "./name.ts";
import { renderOrders } from "./page.ts";
import { ROW } from "./one-by-one.ts";
import { explain } from "./plan.ts";
import { aggregatedRow, rowTests } from "./rows.ts";
import { withoutOutput } from "./output.ts";
import { renderNext, renderSeek } from "./seek.ts";
import { renderRows } from "./select.ts";
import { where, Writer, type WriterOptions } from "./writer.ts";

export interface ReadShape {
  readonly media: Media;
  readonly wantsBody: boolean;
  /** Whether to count all rows that the filters leave. */
  readonly wantsTotal: boolean;
  /** See `countLimitOf`. */
  readonly countLimit: number | null;
  readonly maxRows: number;
  /** Whether the digest of the one row is wanted, as it is stored. */
  readonly wantsDigest: boolean;
  /** With a cursor: the page and where it begins. */
  readonly page: PageTarget | null;
  /** Whether the rows are so few, and of such a shape, that they come one by one: `gatherRows` makes of them what is said below. */
  readonly oneByOne: boolean;
}

/** Of the first row that the answer shows; the caller knows that there is one. */
function renderDigest(writer: Writer, target: ReadTarget, source: string, alias: string): string {
  const sorted = renderOrders(writer, target.order, alias, new Map());
  const { offset } = target.range;
  const skipped = offset === 0 ? "" : ` offset ${writer.bind(String(offset))}::bigint`;
  return `(select ${rowDigest(target.relation, alias)} ${source}${sorted} limit 1${skipped})`;
}

/** A page from the first row on that is not full shows how many rows there are: the sub-select is then never run. */
function renderPageTotal(total: string, target: ReadTarget, { maxRows, page }: ReadShape): string {
  const { offset, limit } = target.range;
  const most = Math.min(limit ?? maxRows, maxRows);
  if (offset > 0 || (page !== null && page.after !== null) || isGrouped(target) || most === Infinity) return total;
  return `case when count(*) < ${most} then count(*) else ${total} end`;
}

/**
 * Target to statement. Its one row has: how many rows there are in the answer; the body, or null; the total, or null; the digest
 * of its one row, where it is wanted; with a cursor, the keys that the next page begins after, or null.
 */
export function renderRead(given: ReadTarget, shape: ReadShape, options: WriterOptions): Statement {
  const { media, wantsBody, wantsTotal, maxRows, page } = shape;
  const writer = new Writer(options);
  const alias = writer.alias();
  const target = page === null ? given : { ...given, order: page.terms };
  const from = writer.table(target.relation);
  const all = rowTests(writer, target, alias);
  const tests = page === null ? all : [...all, renderSeek(writer, page, alias)];
  const read = wantsBody ? target : withoutOutput(target);
  const list = wantsBody && media.takesRow ? aggregatedRow(`${alias}.*`) : undefined;
  // A limit is a node of the plan, and keeps the rows' query from becoming part of the outer one.
  const most = shape.oneByOne && target.relation.kind === "table" ? Infinity : maxRows;
  const rows = renderRows(writer, read, { from, alias, tests, list }, most, maxRows);
  if (shape.oneByOne) {
    const single = `select ${ROW} from (${rows}) t`;
    return { name: statementName(single), text: single, values: writer.values };
  }
  const total = wantsTotal
    ? renderPageTotal(renderTotal({ from, alias, tests: all }, shape.countLimit), target, shape)
    : "null";
  const more: string[] = [];
  if (shape.wantsDigest) more.push(renderDigest(writer, target, `from ${from} ${alias}${where(tests)}`, alias));
  else if (page !== null) more.push("null");
  if (page !== null) {
    const limit = Math.min(target.range.limit ?? maxRows, maxRows);
    more.push(renderNext(writer, page, { from, alias, tests }, limit));
  }
  const columns = ["count(*)", wantsBody ? media.body : "null", total, ...more];
  const text = `select ${columns.join(", ")} from (${rows}) t`;
  return explain(media, { name: statementName(text), text, values: writer.values });
}
