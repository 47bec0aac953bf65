import type { ShapeColumn } from "./shape.ts";

/** Values are hashed as they are, or as the bytes or the text that tells all of them apart. */
interface Hasher {
  /** Of pg_catalog: takes such a value and a seed of 64 bits. */
  readonly name: string;
  /** First major of PostgreSQL that lets SQL call it. */
  readonly since?: number;
  /** What of the value it gets. */
  readonly of?: (value: string) => string;
  /** What stands in for null, which the function would answer with null. */
  readonly zero: string;
}

/**
 * By type, without its modifiers. The bytes that PostgreSQL sends are quicker to have than the text and tell as much: of numeric the
 * digits and the scale, of jsonb a version and the text.
 */
const HASHERS: ReadonlyMap<string, Hasher> = new Map<string, Hasher>([
  ["uuid", { name: "uuid_hash_extended", zero: "'00000000-0000-0000-0000-000000000000'::uuid" }],
  ["smallint", { name: "hashint2extended", zero: "0::smallint" }],
  ["integer", { name: "hashint4extended", zero: "0" }],
  ["bigint", { name: "hashint8extended", zero: "0::bigint" }],
  ["boolean", { name: "hashint4extended", of: (value) => `${value}::integer`, zero: "false" }],
  ["bytea", { name: "hashbyteaextended", since: 18, zero: "''::bytea" }],
  ["date", { name: "hashdateextended", since: 18, zero: "'2000-01-01'::date" }],
  [
    "timestamp with time zone",
    { name: "timestamptz_hash_extended", since: 18, zero: "'2000-01-01 00:00+00'::timestamptz" },
  ],
  ["timestamp without time zone", { name: "timestamp_hash_extended", zero: "'2000-01-01 00:00'::timestamp" }],
  ["time without time zone", { name: "time_hash_extended", zero: "'00:00'::time" }],
  ["numeric", { name: "hashbyteaextended", since: 18, of: (value) => `numeric_send(${value})`, zero: "0::numeric" }],
  ["jsonb", { name: "hashbyteaextended", since: 18, of: (value) => `jsonb_send(${value})`, zero: "'0'::jsonb" }],
  ["text", { name: "hashtextextended", of: (value) => `${value}::text collate "C"`, zero: "''" }],
  ["character varying", { name: "hashtextextended", of: (value) => `${value}::text collate "C"`, zero: "''" }],
]);

/** Types whose cast to text gives what COPY writes. */
const CAST_AS_WRITTEN = /^(?:json|real|double precision|interval)\b|\[\]$/;

function hasherOf({ type }: ShapeColumn): Hasher | undefined {
  return HASHERS.get(type.replace(/\(-?\d+(?:,-?\d+)?\)/, ""));
}

/** By the text that COPY writes: an xml keeps its declaration when it is cast, and not on the way out; and a domain may be over that. */
function writtenText({ identifier, type }: ShapeColumn): string {
  return CAST_AS_WRITTEN.test(type) ? `${identifier}::text` : `format('%s', ${identifier})`;
}

/** One step of the chain: the value, hashed with what was hashed before as the seed. */
function hashValue(column: ShapeColumn, mayBeNull: boolean, seed: string, major: number): string {
  const { identifier, type } = column;
  const hasher = hasherOf(column);
  if (hasher === undefined) {
    const text = `case when num_nulls(${identifier}) = 0 then ${writtenText(column)} else '' end`;
    return `pg_catalog.hashtextextended(${text} collate "C", ${seed})`;
  }
  const { name, since = 0, of = (value) => value, zero } = hasher;
  const value = mayBeNull ? `coalesce(${identifier}, ${zero})` : identifier;
  // A record of one is hashed by the type's own function with the same seed: the same number by a longer way.
  if (major < since) return `pg_catalog.hash_record_extended(row(${of(value)}), ${seed})`;
  // hashint8 folds the value to 32 bits, so that 1 and 2^32 are one: beside the seed it counts whole.
  return `pg_catalog.${name}(${of(value)}, ${type === "bigint" ? `${value} # ${seed}` : seed})`;
}

function isNull(column: ShapeColumn): string {
  // A composite value of nulls alone "is null" too, and is none.
  return hasherOf(column) === undefined ? `num_nulls(${column.identifier}) > 0` : `${column.identifier} is null`;
}

/** Columns to a chain: as many as bits for their nulls beside the chain's number, and far from too deep an expression. */
const CHAIN = 32;

function chainOf(columns: readonly ShapeColumn[], number: number, major: number, trusts: boolean): string {
  const mayBeNull = ({ nullable }: ShapeColumn) => nullable || !trusts;
  const nulls = columns.flatMap((column, bit) =>
    mayBeNull(column) ? [`case when ${isNull(column)} then ${2 ** bit}::bigint else 0::bigint end`] : [],
  );
  const seed = `(${[`${number * 2 ** CHAIN}::bigint`, ...nulls].join(" + ")})`;
  return columns.reduce((before, column) => hashValue(column, mayBeNull(column), before, major), seed);
}

function rowOf(columns: readonly ShapeColumn[], major: number, trusts: boolean): string {
  const count = Math.ceil(columns.length / CHAIN);
  const chains = Array.from({ length: count }, (_, index) =>
    chainOf(columns.slice(index * CHAIN, (index + 1) * CHAIN), index, major, trusts),
  );
  return chains.length > 1
    ? `pg_catalog.hashint8extended(0::bigint, ${chains.join(" # ")})`
    : (chains[0] ?? "0::bigint");
}

/**
 * A row's hash of 64 bits, as an SQL expression: the columns one after another, each the seed of the next, with a bit for each null.
 * The functions are those of hash partitioning, so it is the same in all versions of PostgreSQL, on machines of equal byte order.
 * A record of the row would be hashed alike, and take half as long again to make (docs/explanations/path-of-an-export.md).
 * Whether a column may be null changes the way, not the number. Where one has a null that may have none (`not null not valid`), what
 * trusts in that is null, and the row is hashed the longer way.
 * @param major of the server
 */
export function rowHash(columns: readonly ShapeColumn[], major: number): string {
  const careful = rowOf(columns, major, false);
  if (columns.every(({ nullable }) => nullable)) return careful;
  return `coalesce(${rowOf(columns, major, true)}, ${careful})`;
}
