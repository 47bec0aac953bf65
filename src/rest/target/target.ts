import type { Column, Relation } from "../../catalog/catalog.ts";
import type { JsonStep } from "../request/field.ts";
import type { OperatorFacts } from "../request/operators.ts";
import type { RowRange } from "../request/range.ts";
import type { Relationship } from "./relationship.ts";

/** A column of the catalog, or a place in its JSON. */
export interface ResolvedField {
  readonly column: Column;
  readonly path: readonly JsonStep[];
}

export interface ColumnCondition {
  readonly kind: "column";
  readonly field: ResolvedField;
  readonly isNegated: boolean;
  readonly operator: OperatorFacts;
  readonly quantifier: "any" | "all" | null;
  readonly language: string | null;
  readonly values: readonly string[];
}

/** `items=is.null`: whether there are embedded rows. */
export interface EmbedCondition {
  readonly kind: "embed";
  readonly embed: EmbedTarget;
  readonly isNegated: boolean;
}

export interface ConditionGroup {
  readonly kind: "and" | "or";
  readonly isNegated: boolean;
  readonly members: readonly ResolvedCondition[];
}

export type ResolvedCondition = ColumnCondition | EmbedCondition | ConditionGroup;

export interface SelectedColumn {
  readonly field: ResolvedField;
  /** Built-in type, as SQL says it. */
  readonly cast: string | null;
  /** Key in the answer. */
  readonly name: string;
}

export interface ResolvedOrder {
  readonly field: ResolvedField;
  /** The to-one embed that has the column. */
  readonly embed: EmbedTarget | null;
  readonly isDescending: boolean;
  readonly nulls: "first" | "last" | null;
}

/** What is read of one relation: every name in it stands for an object of the catalog. */
export interface ReadTarget {
  readonly relation: Relation;
  readonly columns: readonly (SelectedColumn | "*")[];
  readonly embeds: readonly EmbedTarget[];
  readonly where: readonly ResolvedCondition[];
  readonly order: readonly ResolvedOrder[];
  readonly range: RowRange;
}

export interface EmbedTarget extends ReadTarget {
  /** Key in the answer. */
  readonly name: string;
  readonly relationship: Relationship;
  readonly isInner: boolean;
  /** `rel()`: there to filter by, not to show. */
  readonly isHidden: boolean;
}

/** What is written, and what is read back of it. */
export interface WriteTarget {
  readonly verb: "insert" | "update" | "delete";
  /** Its `where` says which rows are changed; the rest what the answer shows of them. */
  readonly read: ReadTarget;
  /** Columns that the body gives. */
  readonly columns: readonly Column[];
  /** Rows of the body as a JSON array; null for a delete. */
  readonly json: string | null;
  /** Whether a key that a row leaves out takes the column's default; otherwise null. */
  readonly usesDefaults: boolean;
  readonly conflict: Conflict | null;
}

export interface Conflict {
  readonly columns: readonly Column[];
  readonly isMerge: boolean;
}
