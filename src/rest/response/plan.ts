import type { StatementResult } from "../../db/statement.ts";
import type { Media } from "../request/media.ts";
import type { RestAnswer } from "./response.ts";

/** @param result of an EXPLAIN: one row a line, or one of JSON */
export function respondPlan({ contentType }: Media, { rows }: StatementResult): RestAnswer {
  const lines = rows.map(([line = null]) => `${line ?? ""}\n`);
  return { status: 200, headers: { "content-type": contentType }, body: lines.join("") };
}
