/** The tables, columns and keys that the API serves, as introspected. Immutable: a newer one replaces it whole. */
export interface Catalog {
  readonly schema: string;
  readonly relations: ReadonlyMap<string, Relation>;
  readonly foreignKeys: readonly ForeignKey[];
}

export interface Relation {
  readonly name: string;
  readonly kind: "table" | "view";
  /** Its rows are those of its partitions, and have no system columns of their own. */
  readonly isPartitioned: boolean;
  readonly comment: string | null;
  /** By name, in the table's order. Never has `tenant_id`. */
  readonly columns: ReadonlyMap<string, Column>;
  /** Columns of the primary key without `tenant_id`; empty for a view. */
  readonly primaryKey: readonly string[];
  /** Unique keys other than the primary one, each without `tenant_id`. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Whether it has `tenant_id`, so that generated SQL can say `tenant_id = $1`. */
  readonly hasTenant: boolean;
  /** What the API role may do with it. */
  readonly verbs: ReadonlySet<"select" | "insert" | "update" | "delete">;
}

export interface Column {
  readonly name: string;
  /** As `format_type` says it: `character varying(20)`, `timestamp with time zone`, `text[]`. */
  readonly type: string;
  /** One letter of `pg_type.typcategory`: N numeric, S string, D date/time, B boolean, A array, U user-defined, … */
  readonly category: string;
  /** What a cast in generated SQL names, schema-qualified outside pg_catalog. */
  readonly castType: string;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** The default as SQL, for rows of one insert that differ in what they leave out; null without one, or when it is generated. */
  readonly defaultSql: string | null;
  /** Labels of an enum type, in order; null for any other. */
  readonly labels: readonly string[] | null;
  /** Computed by the database: it can be read and not written. */
  readonly generated: boolean;
  readonly comment: string | null;
}

/** A foreign key between two relations of the catalog. Columns pair up by position; `tenant_id` is left out of both. */
export interface ForeignKey {
  readonly name: string;
  readonly from: string;
  readonly columns: readonly string[];
  readonly to: string;
  readonly referenced: readonly string[];
  /** Whether the referencing columns are unique, so that the way back is to one row as well. */
  readonly oneToOne: boolean;
}
