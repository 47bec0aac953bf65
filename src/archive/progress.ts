/** One step of work on one table. Calls come once per chunk of some 64 kB: whoever shows them decides how often. */
export interface ArchiveProgress {
  /**
   * `count`: counted and hashed in the database. `copy`: read from the database. `pack`: put into the file. `verify`: read
   * from the file and checked. `load`: written to the database. `compare`: counted and hashed again.
   */
  readonly phase: "count" | "copy" | "pack" | "verify" | "load" | "compare";
  /** `schema.table` */
  readonly table: string;
  /** Rows of this table so far. */
  readonly rows: number;
  /** Rows of this table in all; null while they are being counted. */
  readonly totalRows: number | null;
  /** Uncompressed bytes of this table so far; compressed ones while packing. */
  readonly bytes: number;
  /** Bytes of this table in all, in the same measure; null while they aren't known. */
  readonly totalBytes: number | null;
  /** Rows of all tables of this phase; null while they are being counted. */
  readonly allRows: number | null;
  /** Whether the table is through this phase. */
  readonly done: boolean;
}

export type OnProgress = (progress: ArchiveProgress) => void;
