import type { Catalog, Column, ForeignKey, Relation } from "../../../src/catalog/catalog.ts";
import type { Random } from "../../random.ts";
import { MARKER } from "./shape.ts";

export interface Generated {
  readonly method: string;
  /** Path after the base path, and query. */
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

const OPERATORS =
  "eq gt gte lt lte neq like ilike match imatch in is isdistinct fts plfts phfts wfts cs cd ov sl sr nxr nxl adj".split(
    " ",
  );
const VALUES = [
  "1", "-7", "0.5", "null", "true", "not_null", "unknown", "2026-01-01", "a*", "*a*", "{a,b}", "{1,2}", "[1,5)", '{"a":1}', '"q,u"', "(1,2)", "()",
  "0b8f3c1e-0000-4000-8000-000000000001", "x".repeat(300), "%00", "%F0%9F%90%98", "'", "\\", '"', "$1", ";", "--", "/*", "tenant_id", "a b", "é", "%", "", MARKER, `${MARKER}*`, `{${MARKER}}`,
]; // prettier-ignore
const CASTS = [
  "text",
  "int",
  "jsonb",
  "timestamptz",
  "numeric(3,1)",
  "text[]",
  "regclass",
  "nothing",
  "pg_catalog.int4",
];
const AGGREGATES = ["count()", "sum()", "max()", "min()", "avg()"];
const PREFERENCES = [
  "count=exact", "count=planned", "count=estimated", "return=representation", "return=minimal", "return=headers-only", "resolution=merge-duplicates",
  "resolution=ignore-duplicates", "missing=default", "missing=null", "handling=strict", "handling=lenient", "max-affected=1", "tx=rollback",
  "timezone=Europe/Berlin", "timezone=nowhere", "nonsense=1",
]; // prettier-ignore
const ACCEPTS = [
  "application/json", "text/csv", "application/vnd.pgrst.object+json", "application/vnd.pgrst.object+json;nulls=stripped",
  "application/vnd.pgrst.array+json;nulls=stripped", "application/vnd.pgrst.plan+json", "text/plain", "application/octet-stream", "*/*", "image/png",
  "application/openapi+json", "application/geo+json", "text/*;q=0.1, application/json", ";;;",
]; // prettier-ignore

/** Operators and values that fit a column, by the category of its type. */
const FITTING: Readonly<Record<string, { readonly operators: readonly string[]; readonly values: readonly string[] }>> =
  {
    N: { operators: ["eq", "gt", "lte", "neq", "in", "isdistinct"], values: ["0", "1", "-5", "100", "99999"] },
    S: {
      operators: ["eq", "like", "ilike", "match", "gte", "in", "fts", "wfts"],
      values: ["a", "A*", "*a*", MARKER, "EUR", "x y"],
    },
    D: { operators: ["eq", "gt", "lt", "in"], values: ["2026-01-01", "2025-06-30"] },
    B: { operators: ["eq", "is", "neq"], values: ["true", "false"] },
    A: { operators: ["cs", "cd", "ov", "eq"], values: ["{}", "{a}", "{a,b}"] },
    U: { operators: ["eq", "neq", "is"], values: ["0b8f3c1e-0000-4000-8000-000000000001"] },
  };

/** Makes requests that are mostly in the grammar, of names that mostly exist; one in twenty is damaged at a random place. */
export class Generator {
  readonly #random: Random;
  readonly #relations: readonly Relation[];
  readonly #routines: readonly string[];
  readonly #keys: readonly ForeignKey[];

  constructor(random: Random, { relations, routines, foreignKeys }: Catalog) {
    this.#keys = foreignKeys;
    this.#random = random;
    this.#relations = [...relations.values()];
    this.#routines = [...routines.keys(), "nothing"];
  }

  request(): Generated {
    const random = this.#random;
    const made = random.chance(0.06) ? this.#call() : this.#table(random.pick(this.#relations));
    return random.chance(0.05) ? { ...made, url: this.#damage(made.url) } : made;
  }

  #damage(url: string): string {
    const random = this.#random;
    const query = url.indexOf("?");
    if (query < 0) return url; // a path that does not decode is refused before the dialect (src/http/rest.ts)
    const at = query + 1 + random.below(url.length - query);
    const rest = random.chance(0.5) ? url.slice(at) : url.slice(at + 1);
    return (
      url.slice(0, at) +
      random.pick(["", "(", ")", ",", ".", "!", ":", "->", '"', "%", "&", "=", "tenant_id", "…"]) +
      rest
    );
  }

  #column(relation: Relation): string {
    const random = this.#random;
    if (random.chance(0.01)) return random.pick(["tenant_id", "nothing", "ctid", "xmin", '"a b"', "*"]);
    const name = random.pick([...relation.columns.keys()]);
    if (!random.chance(0.05)) return name;
    return name + random.pick(["->a", "->>a", "->0", "->-1->>b", "->>'", "->"]);
  }

  #value(): string {
    return encodeURIComponent(this.#random.pick(VALUES)).replaceAll("%25", "%");
  }

  #condition(): string {
    const random = this.#random;
    const operator = random.pick(OPERATORS);
    const quantifier = random.chance(0.1) ? random.pick(["(any)", "(all)", "(english)", "(nothing)"]) : "";
    const value =
      operator === "in"
        ? `(${random.some(0, 4, () => this.#value()).join(",")})`
        : operator === "is"
          ? random.pick(["null", "true", "unknown", "x"])
          : this.#value();
    return `${random.chance(0.2) ? "not." : ""}${operator}${quantifier}.${value}`;
  }

  /** A filter that PostgreSQL takes. */
  #fitting({ name, category }: Column): [column: string, condition: string] {
    const random = this.#random;
    const { operators, values } = FITTING[category] ?? FITTING["U"]!;
    const operator = random.pick(operators);
    const value = () => encodeURIComponent(random.pick(values));
    const not = random.chance(0.15) ? "not." : "";
    if (operator === "in") return [name, `${not}in.(${random.some(0, 3, value).join(",")})`];
    return [name, `${not}${operator}.${operator === "is" ? random.pick(["null", "not_null"]) : value()}`];
  }

  #filter(relation: Relation): [column: string, condition: string] {
    const random = this.#random;
    if (random.chance(0.25)) return [this.#column(relation), this.#condition()];
    return this.#fitting(random.pick([...relation.columns.values()]));
  }

  /** A relation that a key leads to, or mostly so. */
  #related({ name }: Relation): Relation {
    const random = this.#random;
    const ends = this.#keys.flatMap(({ from, to }) => (from === name ? [to] : to === name ? [from] : []));
    const wanted = ends.length === 0 || random.chance(0.1) ? undefined : random.pick(ends);
    return this.#relations.find((relation) => relation.name === wanted) ?? random.pick(this.#relations);
  }

  #logic(relation: Relation, depth: number): string {
    const random = this.#random;
    const members = random.some(1, 3, () =>
      depth > 0 && random.chance(0.3)
        ? `${random.chance(0.3) ? "not." : ""}${random.pick(["and", "or"])}(${this.#logic(relation, depth - 1)})`
        : this.#filter(relation).join("."),
    );
    return members.join(",");
  }

  #item(relation: Relation, depth: number): string {
    const random = this.#random;
    if (depth > 0 && random.chance(0.3)) {
      const other = this.#related(relation);
      const alias = random.chance(0.2) ? "x:" : "";
      const spread = alias === "" && random.chance(0.15) ? "..." : "";
      const hint = random.chance(0.2) ? random.pick(["!inner", "!left", "!nothing", "!inner!x"]) : "";
      return `${spread}${alias}${other.name}${hint}(${this.#select(other, depth - 1)})`;
    }
    if (random.chance(0.05)) return random.pick(["*", "count()", "", "x:count()", "*::text"]);
    const aggregate = random.chance(0.04) ? `.${random.pick(AGGREGATES)}` : "";
    const cast = random.chance(0.05) ? `::${random.pick(CASTS)}` : "";
    return `${random.chance(0.1) ? "y:" : ""}${this.#column(relation)}${aggregate}${cast}`;
  }

  #select(relation: Relation, depth: number): string {
    return this.#random.some(0, 4, () => this.#item(relation, depth)).join(",");
  }

  #order(relation: Relation): string {
    const random = this.#random;
    const term = () =>
      (random.chance(0.1)
        ? `${random.pick(this.#relations).name}(${this.#column(relation)})`
        : this.#column(relation)) + random.pick(["", ".asc", ".desc", ".nullsfirst", ".desc.nullslast", ".up"]);
    return random.some(1, 3, term).join(",");
  }

  #query(relation: Relation): string[] {
    const random = this.#random;
    const parts: string[] = [];
    if (random.chance(0.6)) parts.push(`select=${this.#select(relation, 3)}`);
    if (random.chance(0.3)) parts.push(`order=${this.#order(relation)}`);
    if (random.chance(0.3))
      parts.push(`limit=${random.pick(["0", "1", "5", "7", "10", "20", "-1", "x", "99999999999999999999"])}`);
    if (random.chance(0.2)) parts.push(`offset=${random.pick(["0", "3", "5", "20", "1000000", "-2"])}`);
    if (random.chance(0.2))
      parts.push(`${random.pick(["and", "or", "not.and", "not.or"])}=(${this.#logic(relation, 3)})`);
    if (random.chance(0.1))
      parts.push(
        `${random.pick(this.#relations).name}.${random.pick(["order", "limit", "or", "id"])}=${random.pick(["id", "2", "(id.is.null)", "eq.1"])}`,
      );
    parts.push(...random.some(0, 3, () => this.#filter(relation).join("=")));
    return parts;
  }

  #headers(): Record<string, string> {
    const random = this.#random;
    const headers: Record<string, string> = {};
    if (random.chance(0.5)) headers["prefer"] = random.some(1, 4, () => random.pick(PREFERENCES)).join(", ");
    if (random.chance(0.15)) headers["accept"] = random.pick(ACCEPTS);
    if (random.chance(0.1)) headers["range"] = random.pick(["0-4", "5-", "9-3", "a-b", "bytes=0-1"]);
    if (random.chance(0.03))
      headers["accept-profile"] = headers["content-profile"] = random.pick(["app", "public", "tenant", "platform"]);
    return headers;
  }

  #row(relation: Relation): Record<string, unknown> {
    const random = this.#random;
    const value = () =>
      random.pick([
        null,
        1,
        -1.5,
        "x",
        "",
        true,
        [],
        {},
        ["a"],
        { a: [1] },
        "2026-01-01",
        "EUR",
        "\u0000",
        1e300,
        "x".repeat(200),
      ]);
    return Object.fromEntries(
      random.some(
        0,
        5,
        () => [random.pick([...relation.columns.keys(), "tenant_id", "__proto__", "nothing"]), value()] as const,
      ),
    );
  }

  #body(relation: Relation): { body: string; type: string } {
    const random = this.#random;
    const rows = random.some(0, 3, () => this.#row(relation));
    const json = () => JSON.stringify(random.chance(0.5) ? rows : (rows[0] ?? {}));
    return random.pick([
      () => ({ body: json(), type: "application/json" }),
      () => ({ body: json(), type: "application/json" }),
      () => ({ body: `${[...relation.columns.keys()].slice(0, 3).join(",")}\na,"b""c",NULL\n`, type: "text/csv" }),
      () => ({ body: "name=x&amount=%00&=", type: "application/x-www-form-urlencoded" }),
      () => ({
        body: random.pick(["", "[", "1", '"x"', "[1]", "[[]]", "{", "null"]),
        type: random.pick(["application/json", "text/plain", "x"]),
      }),
    ])();
  }

  #table(relation: Relation): Generated {
    const random = this.#random;
    const method = random.pick(["GET", "GET", "GET", "GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]);
    const query = this.#query(relation);
    const headers = this.#headers();
    if (method === "POST" && random.chance(0.3))
      query.push(`columns=${random.pick(["id,name", '"id"', "tenant_id", "", "nothing"])}`);
    if (method === "POST" && random.chance(0.3))
      query.push(`on_conflict=${random.pick(["id", "name", "id,name", "tenant_id", "nothing"])}`);
    // What would change every row changes none in the end.
    if (method === "PATCH" || method === "DELETE") headers["prefer"] = `tx=rollback, ${headers["prefer"] ?? ""}`;
    const url = `/${encodeURIComponent(relation.name)}${query.length === 0 ? "" : `?${query.join("&")}`}`;
    if (!["POST", "PATCH", "PUT"].includes(method)) return { method, url, headers };
    const { body, type } = this.#body(relation);
    return { method, url, headers: { ...headers, "content-type": type }, body };
  }

  #call(): Generated {
    const random = this.#random;
    const name = encodeURIComponent(random.pick(this.#routines));
    const headers = this.#headers();
    if (random.chance(0.5)) {
      return {
        method: "GET",
        url: `/rpc/${name}?${random.some(0, 3, () => `${random.pick(["a", "b", "select", "id"])}=${this.#value()}`).join("&")}`,
        headers,
      };
    }
    const body = random.pick(["{}", '{"a":1}', "[]", "[1,2]", "", '{"id":null}']);
    return { method: "POST", url: `/rpc/${name}`, headers: { ...headers, "content-type": "application/json" }, body };
  }
}
