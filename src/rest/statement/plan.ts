import type { Statement } from "../../db/statement.ts";
import type { Media } from "../request/media.ts";
import { statementName } from "./name.ts";

/**
 * The statement as it is; or, when its plan is wanted, one that explains it. With `analyze` it is carried out all the same (PostgreSQL
 * manual, EXPLAIN).
 */
export function explain({ plan }: Pick<Media, "plan">, statement: Statement): Statement {
  if (plan === null) return statement;
  const options = [`format ${plan.format}`, ...plan.options].join(", ");
  const text = `explain (${options}) ${statement.text}`;
  return { ...statement, name: statementName(text), text };
}
