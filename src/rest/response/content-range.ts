/**
 * The `Content-Range` header: `0-9/57`, `*` where there are no rows or no total is known.
 * @param first of the rows in the answer, counted from zero; `last` less than it when there are none
 */
export function contentRange(first: number, last: number, total: number | null): string {
  const rows = total === 0 || last < first ? "*" : `${first}-${last}`;
  return `${rows}/${total ?? "*"}`;
}

/** 206 when the answer is known to be a part, 416 when it begins past the end (PostgREST, Pagination). */
export function rangeStatus(first: number, count: number, total: number | null): 200 | 206 | 416 {
  if (total === null) return 200;
  if (first > total) return 416;
  return count < total ? 206 : 200;
}
