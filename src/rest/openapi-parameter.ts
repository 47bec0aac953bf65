import type { Column, Relation } from "../catalog/catalog.ts";
import { componentName } from "./openapi-schema.ts";

export type Json = Readonly<Record<string, unknown>>;

export const parameter = (name: string): Json => ({ $ref: `#/components/parameters/${name}` });

const query = (name: string, description: string, rest: Json = {}): Json => ({
  name,
  in: "query",
  description,
  schema: { type: "string" },
  ...rest,
});

const prefer = (description: string, example: string): Json => ({
  name: "Prefer",
  in: "header",
  description,
  schema: { type: "string" },
  example,
});

const header = (name: string, description: string): Json => ({
  name,
  in: "header",
  description,
  schema: { type: "string" },
});

const profile = (name: string, schemas: readonly string[]): Json => ({
  name,
  in: "header",
  description: "The schema that the request is about; the first without it.",
  schema: { type: "string", enum: schemas, default: schemas[0] },
});

const ANY = "`handling=strict` refuses what it does not know, `timezone=Europe/Amsterdam` says times there";
const WRITE = `\`return=representation\` answers the rows, \`return=headers-only\` their Location; \`count=exact\`; ${ANY}`;

/**
 * What operations refer to, by key.
 * @param schemas all that are served; one alone needs no header to choose it
 */
export function commonParameters(schemas: readonly string[]): Json {
  const number = { schema: { type: "integer", minimum: 0 } };
  return {
    select: query(
      "select",
      "Columns to answer, renamed (`as:name`), cast (`name::text`), paths into JSON (`data->>key`), and embedded relations with theirs (`customer(name)`).",
      { schema: { type: "string", default: "*" } },
    ),
    order: query(
      "order",
      "Columns to sort by, each with `.asc` or `.desc`, `.nullsfirst` or `.nullslast`: `total.desc.nullslast,id`.",
    ),
    limit: query("limit", "The most rows to answer.", number),
    offset: query("offset", "How many rows to leave out first.", number),
    or: query("or", "Alternatives: `(age.lt.18,and(age.gt.65,name.like.A*))`."),
    and: query("and", "Conditions that all hold, to nest in others."),
    columns: query("columns", "The keys of the body to write; others are left unread."),
    onConflict: query("on_conflict", "Columns of the unique key that decides what is a duplicate."),
    cursor: query(
      "cursor",
      "Empty for the first page, then what the answer's `Link: rel=next` says: pages that stay whole while rows come and go.",
      { allowEmptyValue: true },
    ),
    ifNoneMatch: header("If-None-Match", "Entity-tag of the row as it is known: 304 when it is still so."),
    ifMatch: header("If-Match", "Entity-tag of the row that is to be changed: 412 when it is another by now."),
    idempotencyKey: header(
      "Idempotency-Key",
      "Of the client's making: sent again with the same request it gets the same answer.",
    ),
    range: {
      name: "Range",
      in: "header",
      description: "First and last row to answer, counted from 0: `0-24`.",
      schema: { type: "string", pattern: "^\\d+-\\d*$" },
    },
    preferRead: prefer(
      `\`count=exact\`, \`planned\` or \`estimated\` adds the number of all rows to Content-Range; ${ANY}.`,
      "count=exact",
    ),
    preferInsert: prefer(
      `${WRITE}; \`resolution=merge-duplicates\` or \`ignore-duplicates\` makes an insert an upsert; \`missing=default\` fills what rows leave out.`,
      "return=representation",
    ),
    preferChange: prefer(
      `${WRITE}; \`handling=strict,max-affected=1\` refuses to touch more rows.`,
      "return=representation",
    ),
    ...(schemas.length > 1 && {
      acceptProfile: profile("Accept-Profile", schemas),
      contentProfile: profile("Content-Profile", schemas),
    }),
  };
}

const ALWAYS = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "is", "isdistinct"];
const TEXTS = ["like", "ilike", "match", "imatch", "fts", "plfts", "phfts", "wfts"];
const SETS = ["cs", "cd", "ov"];
const RANGES = [...SETS, "sl", "sr", "nxl", "nxr", "adj"];

/** Operators that a column's type has, beside those that every type has; by `pg_type.typcategory`. */
const OPERATORS: ReadonlyMap<string, readonly string[]> = new Map([
  ["S", TEXTS],
  ["A", SETS],
  ["R", RANGES],
]);

function operatorsOf({ castType, category }: Column): readonly string[] {
  if (castType === "tsvector") return ["fts", "plfts", "phfts", "wfts"];
  if (castType === "jsonb") return [...ALWAYS, "cs", "cd"];
  return [...ALWAYS, ...(OPERATORS.get(category) ?? [])];
}

/** Names in a query that mean something else than a column. */
const RESERVED: ReadonlySet<string> = new Set([
  "select",
  "order",
  "limit",
  "offset",
  "cursor",
  "columns",
  "on_conflict",
  "or",
  "and",
]);

/** One for each column that can be named in a query; the value is an operator, a dot and what it compares with. */
function filters({ columns, computed }: Relation): Json[] {
  const named = [...columns.values(), ...computed.values()].filter(({ name }) => !RESERVED.has(name));
  return named.map((column) =>
    query(
      column.name,
      `Rows where it is so (${column.type}): ${operatorsOf(column).join(", ")}; \`not.\` before one negates it.`,
    ),
  );
}

// No name of a relation is escaped to this: its letters are no hexadecimal digits.
const filterKey = (relation: Relation, n: number) => `${componentName(relation.name)}.filter.${n}`;

/** The filters of a relation, for operations to refer to: each is the same in all of them. */
export function filterParameters(relation: Relation): Json {
  return Object.fromEntries(filters(relation).map((filter, n) => [filterKey(relation, n), filter]));
}

export function filterRefs(relation: Relation): Json[] {
  return [...filters(relation).map((_, n) => parameter(filterKey(relation, n))), parameter("or"), parameter("and")];
}

/** The primary key's columns, each to be given. */
export function keyParameters({ primaryKey }: Relation): Json[] {
  return primaryKey
    .filter((name) => !RESERVED.has(name))
    .map((name) => query(name, "`eq.` and the key's value.", { required: true }));
}
