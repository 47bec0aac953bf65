/** Every operator of the dialect, as facts. `kind` says how its value is read and rendered; no other code names an operator. */
export interface OperatorFacts {
  readonly sql: string;
  /**
   * `compare`: against a value of the column's own type. `pattern`: LIKE, with `*` for `%`. `inferred`: PostgreSQL works out the
   * value's type from the operator. `search`: full text. `off`: known, and refused.
   */
  readonly kind: "compare" | "pattern" | "inferred" | "search" | "list" | "is" | "distinct" | "off";
  /** Whether `(any)` and `(all)` may follow. */
  readonly quantifiable: boolean;
}

const facts = (sql: string, kind: OperatorFacts["kind"], quantifiable = false): OperatorFacts => ({
  sql,
  kind,
  quantifiable,
});

/** By the word in the query string (PostgREST, Operators). */
export const OPERATORS: ReadonlyMap<string, OperatorFacts> = new Map([
  ["eq", facts("=", "compare", true)],
  ["neq", facts("<>", "compare")],
  ["gt", facts(">", "compare", true)],
  ["gte", facts(">=", "compare", true)],
  ["lt", facts("<", "compare", true)],
  ["lte", facts("<=", "compare", true)],
  ["like", facts("like", "pattern", true)],
  ["ilike", facts("ilike", "pattern", true)],
  // A regular expression can be made to run for hours (threats.md, H21).
  ["match", facts("~", "off", true)],
  ["imatch", facts("~*", "off", true)],
  ["in", facts("= any", "list")],
  ["is", facts("is", "is")],
  ["isdistinct", facts("is distinct from", "distinct")],
  ["fts", facts("to_tsquery", "search")],
  ["plfts", facts("plainto_tsquery", "search")],
  ["phfts", facts("phraseto_tsquery", "search")],
  ["wfts", facts("websearch_to_tsquery", "search")],
  ["cs", facts("@>", "inferred")],
  ["cd", facts("<@", "inferred")],
  ["ov", facts("&&", "inferred")],
  ["sl", facts("<<", "inferred")],
  ["sr", facts(">>", "inferred")],
  ["nxr", facts("&<", "inferred")],
  ["nxl", facts("&>", "inferred")],
  ["adj", facts("-|-", "inferred")],
]);

/** What may follow `is.`, in any case. */
export const IS_VALUES: ReadonlyMap<string, string> = new Map([
  ["null", "null"],
  ["not_null", "not null"],
  ["true", "true"],
  ["false", "false"],
  ["unknown", "unknown"],
]);

/**
 * Types that `select=column::type` may name, and how SQL says them. A cast can run any code that a type's input function
 * has, so only built-in ones without side effects are here (threats.md, H18: not `regclass` and its kind, which read the catalog).
 */
export const CASTS: ReadonlyMap<string, string> = new Map([
  ["text", "text"],
  ["varchar", "varchar"],
  ["character varying", "varchar"],
  ["int", "integer"],
  ["integer", "integer"],
  ["int2", "smallint"],
  ["int4", "integer"],
  ["int8", "bigint"],
  ["smallint", "smallint"],
  ["bigint", "bigint"],
  ["numeric", "numeric"],
  ["decimal", "numeric"],
  ["real", "real"],
  ["float4", "real"],
  ["float8", "double precision"],
  ["double precision", "double precision"],
  ["bool", "boolean"],
  ["boolean", "boolean"],
  ["date", "date"],
  ["time", "time"],
  ["timestamp", "timestamp"],
  ["timestamptz", "timestamptz"],
  ["interval", "interval"],
  ["uuid", "uuid"],
  ["json", "json"],
  ["jsonb", "jsonb"],
]);
