import type { Statement } from "../../db/statement.ts";
import { WHOLE_ROW, type Media } from "../request/media.ts";
import { isGrouped } from "../target/resolve.ts";
import type { ReadTarget } from "../target/target.ts";
import { renderTotal } from "./count.ts";
import { rowDigest } from "./digest.ts";
import { statementName } from "./name.ts";
import { renderOrders } from "./page.ts";
import { explain } from "./plan.ts";
import { rowTests } from "./rows.ts";
import { withoutOutput } from "./output.ts";
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
}

/** Of the first row that the answer shows; the caller knows that there is one. */
function renderDigest(writer: Writer, target: ReadTarget, source: string, alias: string): string {
  const sorted = renderOrders(writer, target.order, alias, new Map());
  const { offset } = target.range;
  const skipped = offset === 0 ? "" : ` offset ${writer.bind(String(offset))}::bigint`;
  return `(select ${rowDigest(target.relation, alias)} ${source}${sorted} limit 1${skipped})`;
}

/** A page from the first row on that is not full shows how many rows there are: the sub-select is then never run. */
function renderPageTotal(total: string, target: ReadTarget, { maxRows }: ReadShape): string {
  const { offset, limit } = target.range;
  const most = Math.min(limit ?? maxRows, maxRows);
  if (offset > 0 || isGrouped(target) || most === Infinity) return total;
  return `case when count(*) < ${most} then count(*) else ${total} end`;
}

/**
 * Target to statement. Its one row has: how many rows there are in the answer; the body, or null; the total, or null; and
 * the digest of its one row, where it is wanted.
 */
export function renderRead(target: ReadTarget, shape: ReadShape, options: WriterOptions): Statement {
  const { media, wantsBody, wantsTotal, maxRows } = shape;
  const writer = new Writer(options);
  const alias = writer.alias();
  const from = writer.table(target.relation);
  const tests = rowTests(writer, target, alias);
  const read = wantsBody ? target : withoutOutput(target);
  const list = wantsBody && media.takesRow ? `${alias} as ${WHOLE_ROW}` : undefined;
  const rows = renderRows(writer, read, { from, alias, tests, list }, maxRows, maxRows);
  const total = wantsTotal
    ? renderPageTotal(renderTotal({ from, alias, tests }, shape.countLimit), target, shape)
    : "null";
  const digest = shape.wantsDigest ? `, ${renderDigest(writer, target, `from ${from} ${alias}${where(tests)}`, alias)}` : "";
  const text = `select count(*), ${wantsBody ? media.body : "null"}, ${total}${digest} from (${rows}) t`;
  return explain(media, { name: statementName(text), text, values: writer.values });
}
