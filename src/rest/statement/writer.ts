import type { Relation } from "../../catalog/catalog.ts";

/** `"` doubled, in quotes: the only way a name gets into SQL. Names come from the catalog; aliases are checked by the resolver. */
export function quote(name: string): string {
  return name.includes('"') ? `"${name.replaceAll('"', '""')}"` : `"${name}"`;
}

/** For constants of this folder and of the catalog. What a client says is bound, never written. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? `e${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

/** An array as PostgreSQL reads it, each element in quotes. */
export function arrayLiteral(values: readonly string[]): string {
  const quoted = values.map((value) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);
  return `{${quoted.join(",")}}`;
}

export interface WriterOptions {
  readonly tenantId: string;
  /** Whether generated SQL says `tenant_id = $1` beside row-level security, which lets the planner decide it once. */
  readonly isExplicit: boolean;
}

/** Collects the values of one statement, and hands out aliases, while its text is put together. */
export class Writer {
  readonly values: (string | null)[] = [];
  readonly #options: WriterOptions;
  readonly #rows = new Map<string, string>();
  #tenant = "";
  #aliases = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Notes a value; returns its place, such as `$3`. */
  bind(value: string | null): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** A name for one more table of the statement. */
  alias(): string {
    return `t${this.#aliases++}`;
  }

  /** Says what the whole row of `alias` is, as its table's own type: for rows of a CTE, which have none. */
  rowIs(alias: string, sql: string): void {
    this.#rows.set(alias, sql);
  }

  /** The whole row of `alias`, for a function that takes one. The alias alone would be a column of that name, where there is one. */
  rowOf(alias: string): string {
    return this.#rows.get(alias) ?? `${alias}.*`;
  }

  table({ schema, name }: Relation): string {
    return `${quote(schema)}.${quote(name)}`;
  }

  /** The tenant's predicate on one table, for a `where`; undefined where there is nothing to say. */
  tenantTest({ hasTenant }: Relation, alias: string): string | undefined {
    if (!hasTenant || !this.#options.isExplicit) return undefined;
    if (this.#tenant === "") this.#tenant = this.bind(this.#options.tenantId);
    return `${alias}.tenant_id = ${this.#tenant}`;
  }
}

/** `where a and b`, or nothing. */
export function where(tests: readonly (string | undefined)[]): string {
  const given = tests.filter((test) => test !== undefined);
  return given.length === 0 ? "" : ` where ${given.join(" and ")}`;
}
