/** One SQL statement with its values. Text is a constant or rendered from the catalog; values never stand in it. */
export interface Statement {
  readonly text: string;
  /** Text form of each value, a Buffer for bytea, null for SQL null. */
  readonly values: readonly (string | Buffer | null)[];
  /** Name to prepare it under, at most 40 bytes and equal for equal text; unprepared without one. */
  readonly name?: string;
}

/** What one statement answered: its rows, each value as PostgreSQL's text, and the number of rows its command tag tells. */
export interface StatementResult {
  readonly rows: (string | null)[][];
  readonly rowCount: number;
}
