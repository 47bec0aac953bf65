import type { Media } from "../request/media.ts";
import { literal, type Writer } from "./writer.ts";

export interface WriteShape {
  readonly media: Media;
  /** `body` of the rows written, `location` of the one row, or nothing but their number. */
  readonly answers: "body" | "location" | "count";
  /** More changed rows than this undo the statement. */
  readonly maxAffected: number | null;
  /** The most rows that a body may show. */
  readonly maxRows: number;
}

/** SQLSTATE and words of a refusal; `detail` is SQL. `src/rest/errors.ts` knows the codes. */
interface Refusal {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail: string;
}

const TOO_MANY_AFFECTED: Refusal = {
  sqlstate: "RH124",
  message: "Query result exceeds max-affected preference constraint",
  detail: "'The query affects ' || count(*) || ' rows'",
};
const NOT_SINGLE: Refusal = {
  sqlstate: "RH116",
  message: "Cannot coerce the result to a single JSON object",
  detail: "'The result contains ' || count(*) || ' rows'",
};
const TOO_MANY_SHOWN: Refusal = {
  sqlstate: "RH112",
  message: "The request changes more rows than one answer can show",
  detail: "'Ask for return=minimal to change as many.'",
};

function refuseWhen(test: string, { sqlstate, message, detail }: Refusal): string {
  return `case when ${test} then platform.refuse('${sqlstate}', ${literal(message)}, ${detail}) end`;
}

/** Columns that refuse: PostgreSQL ends the transaction, in the same round trip, when the number of rows is not as wanted. */
export function renderRefusals(writer: Writer, { media, answers, maxAffected, maxRows }: WriteShape): string[] {
  const refusals: string[] = [];
  if (maxAffected !== null) {
    refusals.push(refuseWhen(`count(*) > ${writer.bind(String(maxAffected))}::bigint`, TOO_MANY_AFFECTED));
  }
  if (media.isSingle) refusals.push(refuseWhen("count(*) <> 1", NOT_SINGLE));
  if (answers === "body") refusals.push(refuseWhen(`count(*) > ${maxRows}`, TOO_MANY_SHOWN));
  return refusals;
}
