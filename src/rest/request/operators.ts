/** Every operator of the dialect, as facts. `kind` says how its value is read and rendered; no other code names an operator. */
export interface OperatorFacts {
  readonly sql: string;
  /**
   * `compare`: against a value of the column's own type. `pattern`: LIKE, with `*` for `%`. `inferred`: PostgreSQL works out the
   * value's type from the operator. `search`: full text. `regex`: a pattern whose cost is checked.
   */
  readonly kind: "compare" | "pattern" | "regex" | "inferred" | "search" | "list" | "is" | "distinct";
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
  ["match", facts("~", "regex", true)],
  ["imatch", facts("~*", "regex", true)],
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
