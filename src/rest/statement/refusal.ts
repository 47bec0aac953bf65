import { literal, type Writer } from "./writer.ts";

/** How many rows may be changed and shown; more undo the statement. */
export interface RowBounds {
  /** How many the answer may be about: any number; one, for an answer that is one object; or `put`, the one that the filters name. */
  readonly wants: "any" | "one" | "put";
  readonly maxAffected: number | null;
  /** SQL of the number of those that are changed. */
  readonly affected: string;
  /** The most rows that a body may show; null when it shows none, or something else sees to it. */
  readonly maxShown: number | null;
  /** SQL that is true when the rows were not as If-Match or If-None-Match wants them. */
  readonly missed?: string | null;
  /** SQL that is true when a row that is deleted stood in the way. */
  readonly deleted?: string | null;
}

/** SQLSTATE and words of a refusal; `detail` is SQL. `src/rest/errors.ts` knows the codes. */
interface Refusal {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail: string;
}

const TOO_MANY_AFFECTED = {
  sqlstate: "RH124",
  message: "Query result exceeds max-affected preference constraint",
};
const NOT_SINGLE: Refusal = {
  sqlstate: "RH116",
  message: "Cannot coerce the result to a single JSON object",
  detail: "'The result contains ' || count(*) || ' rows'",
};
const NOT_THE_ROW: Refusal = {
  sqlstate: "RH115",
  message: "Payload values do not match URL in primary key column(s)",
  detail: "''",
};
const TOO_MANY_SHOWN: Refusal = {
  sqlstate: "RH112",
  message: "The request changes more rows than one answer can show",
  detail: "'Ask for return=minimal to change as many.'",
};

const NOT_AS_WANTED: Refusal = {
  sqlstate: "RH120",
  message: "The row is not as If-Match or If-None-Match wants it",
  detail: "'Read it again, and decide anew what to change.'",
};
const ROW_DELETED: Refusal = {
  sqlstate: "RH129",
  message: "The row of this key is deleted",
  detail: `'Who may see deleted rows restores it: PATCH {"deleted_at": null} with deleted=only.'`,
};

function refuseWhen(test: string, { sqlstate, message, detail }: Refusal): string {
  return `case when ${test} then platform.refuse('${sqlstate}', ${literal(message)}, ${detail}) end`;
}

/**
 * Columns that refuse: PostgreSQL ends the transaction, in the same round trip, when the number of rows is not as wanted. The first of
 * them that does is the one that is told.
 */
export function renderRefusals(writer: Writer, bounds: RowBounds): string[] {
  const { wants, maxAffected, affected, maxShown, missed, deleted } = bounds;
  const refusals: string[] = [];
  if (typeof missed === "string") refusals.push(refuseWhen(missed, NOT_AS_WANTED));
  if (typeof deleted === "string") refusals.push(refuseWhen(deleted, ROW_DELETED));
  if (wants === "one") refusals.push(refuseWhen("count(*) <> 1", NOT_SINGLE));
  if (wants === "put") refusals.push(refuseWhen("count(*) <> 1", NOT_THE_ROW));
  if (maxAffected !== null) {
    const detail = `'The query affects ' || ${affected} || ' rows'`;
    const test = `${affected} > ${writer.bind(String(maxAffected))}::bigint`;
    refusals.push(refuseWhen(test, { ...TOO_MANY_AFFECTED, detail }));
  }
  if (maxShown !== null) refusals.push(refuseWhen(`count(*) > ${maxShown}`, TOO_MANY_SHOWN));
  return refusals;
}

/** The same of a call, whose rows are all that there is to count. */
export function renderCallRefusals(writer: Writer, isSingle: boolean, maxAffected: number | null): string[] {
  return renderRefusals(writer, {
    wants: isSingle ? "one" : "any",
    maxAffected,
    affected: "count(*)",
    maxShown: null,
  });
}
