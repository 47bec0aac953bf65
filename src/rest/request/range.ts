import { RowhouseError } from "../../errors.ts";

/** Which rows are wanted, counted from zero; an embed's offset may be negative, which PostgreSQL refuses. `limit` null: as many as there are. */
export interface RowRange {
  readonly offset: number;
  readonly limit: number | null;
}

export const ALL_ROWS: RowRange = { offset: 0, limit: null };

const INTEGER = /^ *-?\d+ *$/;
const HEADER = /^(\d+)-(\d*)$/;
const NEGATIVE_LIMIT = "Limit should be greater than or equal to zero.";

function refuse(details: string): never {
  throw new RowhouseError("rangeUnsatisfiable", { message: "Requested range not satisfiable", details });
}

/**
 * A `limit` or `offset`, noted; one that is no integer is taken as not given, as PostgREST does.
 * @param range what was said before
 * @throws RowhouseError rangeUnsatisfiable for a negative limit
 */
export function withCount(range: RowRange, name: "limit" | "offset", value: string): RowRange {
  if (!INTEGER.test(value)) return range;
  const count = Number(value);
  if (!Number.isSafeInteger(count) || (name === "limit" && count < 0)) refuse(NEGATIVE_LIMIT);
  return { ...range, [name]: count };
}

/**
 * The rows of the root: those of `range` that there are, counted from zero, and that a `Range: 0-9` header leaves (RFC 9110, 14.2; a
 * header of another form is ignored). `limit=0` alone wins over it.
 * @throws RowhouseError rangeUnsatisfiable when nothing is left
 */
export function withHeader(range: RowRange, header: string | undefined): RowRange {
  if (range.limit === 0 && range.offset === 0) return range;
  const found = header === undefined ? null : HEADER.exec(header);
  const first = found === null ? 0 : Number(found[1]);
  const last = found === null || found[2] === "" ? Infinity : Number(found[2]);
  if (first > last) refuse("The lower boundary must be lower than or equal to the upper boundary in the Range header.");
  const offset = Math.max(first, range.offset);
  const end = Math.min(last + 1, range.limit === null ? Infinity : range.offset + range.limit);
  if (end <= offset || !Number.isSafeInteger(offset)) refuse(NEGATIVE_LIMIT);
  return { offset, limit: end === Infinity ? null : end - offset };
}
