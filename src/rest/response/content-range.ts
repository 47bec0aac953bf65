/** How many rows there are that a request could be answered with, page by page. */
export interface Total {
  readonly rows: number;
  /** Counting ended there: there may be more. */
  readonly isAtLeast: boolean;
}

/**
 * @param counted as the database said it; null or undefined when nothing was counted
 * @param limit that counting went no further than, by one; null when all rows were counted
 * @param seen rows up to the end of this page, which are there for certain; 0 for a page without any
 */
export function readTotal(counted: string | null | undefined, limit: number | null, seen: number): Total | null {
  if (counted === null || counted === undefined) return null;
  const rows = Number(counted);
  if (limit === null || rows <= limit) return { rows, isAtLeast: false };
  return { rows: Math.max(limit, seen), isAtLeast: true };
}

/**
 * The `Content-Range` header: `0-9/57`, `*` where there are no rows or no total is known.
 * @param first of the rows in the answer, counted from zero; `last` less than it when there are none
 */
export function contentRange(first: number, last: number, total: number | null): string {
  const rows = total === 0 || last < first ? "*" : `${first}-${last}`;
  return `${rows}/${total ?? "*"}`;
}

/**
 * 206 when the answer is known to be a part, 416 when it begins past the end (PostgREST, Pagination). Where the end is not known, nothing
 * begins past it.
 */
export function rangeStatus(first: number, count: number, total: Total | null): 200 | 206 | 416 {
  if (total === null) return 200;
  if (first > total.rows && !total.isAtLeast) return 416;
  return count < total.rows || total.isAtLeast ? 206 : 200;
}
