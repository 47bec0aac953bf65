import type { Column, Relation } from "../../catalog/catalog.ts";
import type { JsonStep } from "../request/field.ts";
import type { OperatorFacts } from "../request/operators.ts";
import type { RowRange } from "../request/range.ts";
import type { AggregateName } from "../request/select.ts";
import type { Relationship } from "./relationship.ts";

/** A column of the catalog, or a place in its JSON. */
export interface ResolvedField {
  readonly column: Column;
  readonly path: readonly JsonStep[];
  /** Schema of the function that computes it from a row; null for a column that is stored. */
  readonly computedIn: string | null;
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
  /** Null for the row itself: what `count()` counts, and without an aggregate the number of rows. */
  readonly field: ResolvedField | null;
  /** Type, as SQL says it. */
  readonly cast: string | null;
  readonly aggregate: Aggregate | null;
  /** Key in the answer. */
  readonly name: string;
}

export interface Aggregate {
  readonly name: AggregateName;
  /** Type of its result, as SQL says it. */
  readonly cast: string | null;
}

export interface ResolvedOrder {
  readonly field: ResolvedField;
  /** The to-one embed that has the column. */
  readonly embed: EmbedTarget | null;
  /** The key that a spread embed gives the column, so that groups can be sorted by it. */
  readonly spreadName: string | null;
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
  /** `...rel(…)`: a key of each of its columns instead of its own; of a to-many one, lists. */
  readonly isSpread: boolean;
}

/** What a request reads, from its root on. */
export interface RootTarget extends ReadTarget {
  /** Embeds with an alias that were addressed by their relation's name: what PostgREST 16 gives notice of. */
  readonly legacyNames: readonly LegacyName[];
}

export interface LegacyName {
  readonly relation: string;
  readonly alias: string;
}
