import type { Database, DbClient } from "../db/connections.ts";
import { makeScope } from "../db/scope.ts";
import { readServerVersion } from "../db/server-version.ts";
import { enterScope } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { tableName } from "./manifest.ts";
import { rowHash } from "./row-hash.ts";
import { applySettings } from "./session.ts";
import { readShapes, selectText, type ShapeColumn, type TableShape } from "./shape.ts";

/** What two copies of a table are compared by. */
export interface TableContent {
  /** `schema.table` */
  readonly table: string;
  readonly rows: number;
  /** Equal for equal rows in any order: the sum over all rows of a 64-bit hash of the row, behind the way it was made. `2:` and digits. */
  readonly rowHash: string;
}

export interface CountedTable extends TableContent {
  /** Highest value of each column that a sequence feeds. */
  readonly maxima: Readonly<Record<string, string>>;
}

interface CountRow {
  rows: string;
  foreign_rows: string;
  row_hash: string;
  maxima: (string | null)[];
}

/** Types whose own hash tells all values apart that their text does, and is some four times as fast as hashing the text. */
const HASHED_AS_THEY_ARE = new Set([
  "uuid",
  "smallint",
  "integer",
  "bigint",
  "boolean",
  "bytea",
  "date",
  "timestamp with time zone",
  "timestamp without time zone",
  "time without time zone",
]);

/** Types whose cast to text gives what COPY writes. */
const CAST_AS_WRITTEN = /^(?:numeric|jsonb?|real|double precision|interval)\b|\[\]$/;

/**
 * Everything else by its text: numeric 1.0 and 1.00, or an enum of two databases, are equal or different only there. By the text that
 * COPY writes: an xml keeps its declaration when it is cast, and not on the way out; and a domain may be one over that.
 */
export function hashInput({ identifier, type }: ShapeColumn, alias = ""): string {
  const value = alias + identifier;
  if (HASHED_AS_THEY_ARE.has(type)) return value;
  if (type === "text" || type.startsWith("character varying")) return `${value} collate "C"`;
  if (CAST_AS_WRITTEN.test(type)) return `${value}::text collate "C"`;
  return `case when num_nulls(${value}) = 0 then format('%s', ${value}) end collate "C"`;
}

/** How rows are hashed: 1 stands in archives of format 1, whose digits have nothing before them; all else is made the second way. */
export type RowHashKind = 1 | 2;

export function rowHashKind(hash: string): RowHashKind {
  return hash.startsWith("2:") ? 2 : 1;
}

/**
 * The first way: a record's hash is a sum of its columns' (hash_record_extended), so that without hashing it once more, two rows
 * could swap a value and the table's sum stay as it was.
 */
function recordHash(columns: readonly ShapeColumn[]): string {
  return `hashint8extended(hash_record_extended(row(${columns.map((column) => hashInput(column)).join(", ")}), 0), 0)`;
}

const majors = new WeakMap<DbClient, number>();

async function readMajor(client: DbClient): Promise<number> {
  const known = majors.get(client);
  if (known !== undefined) return known;
  const { major } = await readServerVersion(client);
  majors.set(client, major);
  return major;
}

function countText(shape: TableShape, hash: string, counters: readonly ShapeColumn[]): string {
  const isMasked = shape.columns.some(({ expression }) => expression !== undefined);
  const maxima = counters.map((column) => `max(${column.identifier})::text`).join(", ");
  return `select count(*)::text as rows,
      count(*) filter (where tenant_id is distinct from (select platform.current_tenant()))::text as foreign_rows,
      coalesce(sum(${hash}), 0)::text as row_hash,
      array[${maxima}]::text[] as maxima
    from ${isMasked ? `(${selectText(shape, ["tenant_id"])} offset 0) masked` : shape.identifier}`; // each mask once
}

/**
 * Counts and hashes the tenant's rows of a table, inside its context and {@link applySettings}.
 * @param columns in the order to hash them in
 * @throws RowhouseError exportInconsistent when rows of another tenant are in sight
 */
export async function countTable(
  client: DbClient,
  shape: TableShape,
  columns: readonly ShapeColumn[] = shape.columns,
  kind: RowHashKind = 2,
): Promise<CountedTable> {
  const counters = shape.columns.filter(({ sequence }) => sequence !== null);
  const hash = kind === 1 ? recordHash(columns) : rowHash(columns, await readMajor(client));
  const { rows } = await client.query<CountRow>(countText(shape, hash, counters));
  const counted = rows[0]!;
  if (counted.foreign_rows !== "0") {
    throw new RowhouseError("exportInconsistent", {
      message: `Rows of another tenant are in sight in ${shape.identifier}`,
      hint: "Row-level security does not hold: run `rowhouse check`.",
    });
  }
  const maxima = counters.flatMap(({ name }, index) => {
    const value = counted.maxima[index] ?? null;
    return value === null ? [] : [[name, value] as const];
  });
  return {
    table: tableName(shape),
    rows: Number(counted.rows),
    rowHash: kind === 1 ? counted.row_hash : `2:${counted.row_hash}`,
    maxima: Object.fromEntries(maxima),
  };
}

/**
 * Counts and hashes each table of a live tenant, in one snapshot.
 * @throws RowhouseError tenantUnknown, exportInconsistent, databaseUnavailable
 */
export async function readContent(database: Database, tenant: Pick<Tenant, "id" | "epoch">): Promise<TableContent[]> {
  const session = await database.connect("rowhouse_exporter");
  try {
    await session.query("begin isolation level repeatable read read only");
    await applySettings(session);
    const shapes = await readShapes(session);
    const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:compare", role: "owner" };
    await enterScope(session, makeScope(facts, database.keyring), "read");
    const contents: TableContent[] = [];
    for (const shape of shapes) {
      const { table, rows, rowHash } = await countTable(session, shape);
      contents.push({ table, rows, rowHash });
    }
    return contents;
  } finally {
    await session.end();
  }
}
