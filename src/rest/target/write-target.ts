import type { Column } from "../../catalog/catalog.ts";
import type { Precondition } from "./precondition.ts";
import type { RootTarget } from "./target.ts";

/** What is written, and what is read back of it. */
export interface WriteTarget {
  readonly verb: "insert" | "update" | "delete";
  /** Its `where` says which rows are changed, or which row of the body a PUT takes; the rest what the answer shows of them. */
  readonly read: RootTarget;
  /** An insert of just the one row that `where` names. */
  readonly isPut: boolean;
  /** Columns that the body gives. */
  readonly columns: readonly Column[];
  /** Rows of the body as a JSON array; null for a delete. */
  readonly json: string | null;
  /** Whether a key that a row leaves out takes the column's default; otherwise null. */
  readonly usesDefaults: boolean;
  readonly conflict: Conflict | null;
  readonly precondition: Precondition | null;
  /** Whether a delete marks its rows, and an upsert is refused where it would change one that is marked. */
  readonly keepsDeleted: boolean;
  /** How many rows the body has; 0 for a delete. */
  readonly rowCount: number;
}

export interface Conflict {
  readonly columns: readonly Column[];
  readonly isMerge: boolean;
}
