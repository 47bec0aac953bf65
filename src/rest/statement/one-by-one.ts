import type { StatementResult } from "../../db/statement.ts";
import type { Media } from "../request/media.ts";

/**
 * A row of `t` as the database's own list would have it. For what a key names: making one row ready for an aggregate and taking it out again
 * is a seventh of what the whole look-up costs the database (docs/explanations/path-of-a-request.md).
 */
export const ROW = "row_to_json(t.*)::text";

/**
 * What {@link ROW} answered, as the one row that `renderRead` makes of many: json_agg() puts a comma, a space, and a new line between rows.
 * A table with children (PostgreSQL manual, 5.11) can have several rows of one key.
 * @returns how many there are, the body, and no total
 */
export function gatherRows({ isSingle }: Pick<Media, "isSingle">, { rows }: StatementResult): StatementResult {
  const texts = rows.map(([text]) => text!);
  const body = isSingle ? (texts[0] ?? "null") : `[${texts.join(", \n ")}]`;
  return { rows: [[String(texts.length), body, null]], rowCount: 1 };
}
