/** What JSON can carry, so that a loader may send a batch as one parameter. */
export type SeedValue = string | number | boolean | null | readonly SeedValue[] | { readonly [key: string]: SeedValue };

/** Rows of one table, each with its values in the order of `columns`. */
export interface SeedBatch {
  table: string;
  columns: string[];
  rows: SeedValue[][];
}

/** Most rows of a batch: a few hundred kilobytes as JSON. */
export const BATCH_ROWS = 1000;

/** The rows as batches. All of them have the same columns. */
export function* batches(table: string, rows: readonly object[]): Generator<SeedBatch> {
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    const slice = rows.slice(start, start + BATCH_ROWS) as Record<string, SeedValue>[];
    const columns = Object.keys(slice[0]!);
    yield { table, columns, rows: slice.map((row) => columns.map((column) => row[column] as SeedValue)) };
  }
}
