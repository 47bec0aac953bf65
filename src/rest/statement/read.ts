import type { Statement } from "../../db/statement.ts";
import type { Media } from "../request/media.ts";
import type { ReadTarget } from "../target/target.ts";
import { statementName } from "./name.ts";
import { rowTests } from "./rows.ts";
import { renderRows } from "./select.ts";
import { where, Writer, type WriterOptions } from "./writer.ts";

export interface ReadShape {
  readonly media: Media;
  readonly wantsBody: boolean;
  /** Whether to count all rows that the filters leave. */
  readonly wantsTotal: boolean;
  readonly maxRows: number;
}

/**
 * Target to statement. Its one row has: how many rows there are in the answer; the body, or null; the total, or null.
 */
export function renderRead(target: ReadTarget, shape: ReadShape, options: WriterOptions): Statement {
  const writer = new Writer(options);
  const alias = writer.alias();
  const table = writer.table(target.relation);
  const tests = rowTests(writer, target, alias);
  const read = shape.wantsBody ? target : { ...target, columns: [], embeds: [], order: [] };
  const rows = renderRows(writer, read, { from: table, alias, tests }, shape.maxRows, shape.maxRows);
  const total = shape.wantsTotal ? `(select count(*) from ${table} ${alias}${where(tests)})` : "null";
  const text = `select count(*), ${shape.wantsBody ? shape.media.body : "null"}, ${total} from (${rows}) t`;
  return { name: statementName(text), text, values: writer.values };
}
