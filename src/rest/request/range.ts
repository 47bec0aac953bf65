import { RowhouseError } from "../../errors.ts";

/** Which rows are wanted, counted from zero. `limit` null: as many as there are. */
export interface RowRange {
  readonly offset: number;
  readonly limit: number | null;
}

export const ALL_ROWS: RowRange = { offset: 0, limit: null };

const INTEGER = /^[+-]?\d+$/;
const HEADER = /^(\d+)-(\d*)$/;
const NEGATIVE_LIMIT = "Limit should be greater than or equal to zero.";

function refuse(details: string): never {
  throw new RowhouseError("rangeUnsatisfiable", { message: "Requested range not satisfiable", details });
}

/** A `limit` or `offset`; undefined when it is no integer, which PostgREST takes as not given. */
function readCount(value: string, refusal: string): number | undefined {
  if (!INTEGER.test(value)) return undefined;
  const count = Number(value);
  if (count < 0 || !Number.isSafeInteger(count)) refuse(refusal);
  return count;
}

/**
 * @param range what was said before
 * @param name `limit` or `offset`
 * @throws RowhouseError rangeUnsatisfiable for a negative one
 */
export function withCount(range: RowRange, name: "limit" | "offset", value: string): RowRange {
  const refusal = name === "limit" ? NEGATIVE_LIMIT : "Offset should be greater than or equal to zero.";
  const count = readCount(value, refusal);
  return count === undefined ? range : { ...range, [name]: count };
}

/**
 * The part of `range` that a `Range: 0-9` header leaves (RFC 9110, 14.2; a header of another form is ignored). `limit=0` wins over it.
 * @throws RowhouseError rangeUnsatisfiable when nothing is left
 */
export function withHeader(range: RowRange, header: string | undefined): RowRange {
  const found = header === undefined ? null : HEADER.exec(header);
  if (range.limit === 0) return { offset: 0, limit: 0 };
  if (found === null) return range;
  const first = Number(found[1]);
  const last = found[2] === "" ? Infinity : Number(found[2]);
  if (first > last) refuse("The lower boundary must be lower than or equal to the upper boundary in the Range header.");
  const offset = Math.max(first, range.offset);
  const end = Math.min(last + 1, range.limit === null ? Infinity : range.offset + range.limit);
  if (end <= offset || !Number.isSafeInteger(offset)) refuse(NEGATIVE_LIMIT);
  return { offset, limit: end === Infinity ? null : end - offset };
}
