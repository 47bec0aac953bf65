/** Every schema that the API serves, as introspected at one moment. Immutable: a newer one replaces it whole. */
export interface Served {
  /** By schema, in the order of `platform.schemas`; the first answers requests that name no profile. Never empty. */
  readonly catalogs: ReadonlyMap<string, Catalog>;
  /** Schema `tenant`: what Rowhouse keeps for each tenant, for requests that name it by their profile. */
  readonly own: Catalog;
  /** Some table or function of the app is for requests without a token, too: only then do they reach the database. */
  readonly opensAnonymous: boolean;
  /** Some function, view, default or policy of the app reads `request.*`: only then is a request's transaction told about it. */
  readonly readsRequest: boolean;
  /** Some function of the app names a setting `response.*`: only then are they read back. */
  readonly writesResponse: boolean;
}

/** What one schema serves. */
export interface Catalog {
  readonly schema: string;
  readonly comment: string | null;
  readonly relations: ReadonlyMap<string, Relation>;
  /** Those of tables, and those that views inherit from the tables that their columns come from (PostgREST, Foreign Key Joins on Views). */
  readonly foreignKeys: readonly ForeignKey[];
  /** Functions that the API role may execute, by name; several of one name are overloads. */
  readonly routines: ReadonlyMap<string, readonly Routine[]>;
  readonly computedRelationships: readonly ComputedRelationship[];
  readonly handlers: readonly MediaHandler[];
}

export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly kind: "table" | "view";
  /** Its rows are those of its partitions, and have no system columns of their own. */
  readonly isPartitioned: boolean;
  readonly comment: string | null;
  /** By name, in the table's order. Never has `tenant_id` nor `tenant_row_id`. */
  readonly columns: ReadonlyMap<string, Column>;
  /** Functions of one argument, a row of this relation, that give one value: read, filtered and sorted by like columns, never part of `*`. */
  readonly computed: ReadonlyMap<string, Column>;
  /**
   * Columns of the primary key without `tenant_id`, by name as PostgREST has them in `Location`; of a view those of each base table
   * of which it has them all; empty without one.
   */
  readonly primaryKey: readonly string[];
  /** Unique keys, the primary one among them, by the name that an error of theirs has: columns in its order, without `tenant_id`. */
  readonly uniqueKeys: ReadonlyMap<string, readonly string[]>;
  /** Whether it has `tenant_id`, so that generated SQL can say `tenant_id = $1`. */
  readonly hasTenant: boolean;
  /** What the API role may do with it. */
  readonly verbs: ReadonlySet<"select" | "insert" | "update" | "delete">;
}

export interface Column {
  readonly name: string;
  /** As `format_type` says it, schema-qualified outside pg_catalog: `character varying(20)`, `text[]`, `app.color`. */
  readonly type: string;
  /** One letter of `pg_type.typcategory`: N numeric, S string, D date/time, B boolean, A array, U user-defined, … */
  readonly category: string;
  /** What a cast in generated SQL names, schema-qualified outside pg_catalog. */
  readonly castType: string;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** The default as SQL, for rows of one insert that differ in what they leave out; null without one, or when it is generated. */
  readonly defaultSql: string | null;
  /** The most characters that it takes; null without a limit. */
  readonly maxLength: number | null;
  /** Labels of an enum type, in order; null for any other. */
  readonly labels: readonly string[] | null;
  /** Computed by the database: it can be read and not written. */
  readonly generated: boolean;
  /** Casts of a domain that say how it looks in the API (PostgREST, Domain Representations); null for most. */
  readonly representation: Representation | null;
  readonly comment: string | null;
}

/** Functions, schema-qualified and quoted, by what they make of what. */
export interface Representation {
  /** The domain itself, qualified: `"app"."color"`. */
  readonly domain: string;
  readonly toJson: string | null;
  readonly fromJson: string | null;
  readonly fromText: string | null;
}

export interface Routine {
  readonly schema: string;
  readonly name: string;
  readonly comment: string | null;
  /** Those that a caller gives (IN, INOUT, VARIADIC), in order. */
  readonly parameters: readonly Parameter[];
  readonly volatility: "immutable" | "stable" | "volatile";
  readonly returns: Returns;
  /** Its SET clauses, which count for the whole transaction (`statement_timeout`): name and value. */
  readonly settings: ReadonlyMap<string, string>;
  /** Whether requests without a token may call it. */
  readonly isOpen?: boolean;
}

export interface Parameter {
  /** Empty for an unnamed one. */
  readonly name: string;
  /** As `format_type` says it without a length, schema-qualified outside pg_catalog. */
  readonly type: string;
  /** What a cast names; of a variadic one the array's. */
  readonly castType: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
}

export type Returns =
  | { readonly kind: "void" }
  /** One value, or one a row. `mediaType` when its type is a domain named like one (`"text/html"`, `"*\u002f*"`). */
  | {
      readonly kind: "scalar";
      readonly isSet: boolean;
      readonly castType: string;
      readonly type: string;
      readonly mediaType: string | null;
    }
  /** Rows: of a served relation (then with its keys and relationships), of a composite type, or of OUT parameters and TABLE. */
  | { readonly kind: "rows"; readonly isSet: boolean; readonly relation: Relation; readonly isServed: boolean };

/** A function from a row of one relation to rows of another (PostgREST, Computed Relationships). */
export interface ComputedRelationship {
  /** Schema and name of the function, and what `select` calls it by. */
  readonly schema: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Not SETOF, or SETOF with ROWS 1. */
  readonly isToOne: boolean;
  /** Not SETOF: it gives one row in any case, of nulls where it finds none. */
  readonly isRow?: true;
}

/** An aggregate that makes a whole answer of rows (PostgREST, Media Type Handlers). */
export interface MediaHandler {
  /** `application/vnd.twkb`, or the wildcard. */
  readonly mediaType: string;
  /** Aggregate, schema-qualified and quoted. */
  readonly aggregate: string;
  /** The one relation whose rows it takes; null when it takes any (`anyelement`). */
  readonly relation: string | null;
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
