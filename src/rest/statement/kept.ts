import type { Statement, StatementResult } from "../../db/statement.ts";
import type { IdempotencyKey } from "../request/idempotency-key.ts";
import type { Writer } from "./writer.ts";

/** Comes before the write, and refuses when it was done or is being done; see `policies/idempotency.sql`. */
export function renderClaim({ key, fingerprint }: IdempotencyKey): Statement {
  return {
    name: "rowhouse_claim",
    text: "select platform.claim_idempotency_key($1, $2)",
    values: [key, fingerprint],
  };
}

/** Its row has the answer that was kept, and what functions of the app said of it: headers, status. */
export function renderKept({ key, fingerprint }: IdempotencyKey): Statement {
  return {
    name: "rowhouse_kept",
    text: "select answer, response_headers, response_status from platform.kept_answer($1, $2)",
    values: [key, fingerprint],
  };
}

/** SQLSTATE of {@link renderClaim} when the answer is there already: no refusal, but the way to end what must not run. */
export const IS_KEPT = "RHRPL";

/**
 * A statement that keeps what it answers.
 * @param parts CTEs that the answer is made of
 * @param answer a select of one row
 * @param count of its columns that are the answer; those after them only refuse
 */
export function renderKeeping(
  writer: Writer,
  parts: string,
  answer: string,
  count: number,
  idempotency: IdempotencyKey | null | undefined,
): string {
  if (idempotency === null || idempotency === undefined) return `with ${parts} ${answer}`;
  const names = Array.from({ length: count }, (_, n) => `c${n}`);
  const all = `json_build_array(${names.map((name) => `a.${name}::text`).join(", ")})`;
  const keep = `platform.keep_answer(${writer.bind(idempotency.key)}, ${writer.bind(idempotency.fingerprint)}, ${all})`;
  return `with ${parts}, answer(${names.join(", ")}) as materialized (${answer}) select a.*, ${keep} from answer a`;
}

/** @param text as {@link renderKept} answers it */
export function readKept(text: string): StatementResult {
  return { rows: [JSON.parse(text) as (string | null)[]], rowCount: 1 };
}
