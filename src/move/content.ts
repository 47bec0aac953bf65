import { hashInput } from "../archive/compare.ts";
import type { TenantTable } from "../db/tables.ts";
import type { Twin } from "./barrier.ts";
import type { MoveSession } from "./endpoint.ts";

/** A table and the SQL expressions by which its rows are compared; the same text for both databases. */
export interface ComparedTable {
  readonly table: TenantTable;
  /** 64-bit hash of a row: every column, those that the database generates among them. */
  readonly rowHash: string;
  /** The same of its key. */
  readonly keyHash: string;
  /** The key for people. */
  readonly key: string;
}

export interface Difference {
  readonly table: string;
  readonly rows: { readonly publisher: number; readonly subscriber: number };
  /** Keys of a few rows each. */
  readonly missing: readonly string[];
  readonly changed: readonly string[];
  readonly extra: readonly string[];
}

interface ColumnRow {
  identifier: string;
  type: string;
  is_key: boolean;
}

/** By name, since the two tables may have their columns in different order. */
const COLUMNS = `
  select quote_ident(a.attname) as identifier, format_type(a.atttypid, null) as type, quote_ident(a.attname) = any ($2::text[]) as is_key
  from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attname`;

/** Of a sum of columns' hashes, which without hashing it once more could not tell two rows that swapped a value. */
function hashOf(columns: readonly ColumnRow[]): string {
  const list = columns.map(({ identifier, type }) =>
    hashInput({ name: identifier, identifier, type, nullable: true, hasDefault: false, sequence: null }),
  );
  return `hashint8extended(hash_record_extended(row(${list.join(", ")}), 0), 0)`;
}

/** Reads how a table is compared, in a session with {@link import("../archive/session.ts").applySettings}. */
export async function readCompared(session: MoveSession, table: TenantTable): Promise<ComparedTable> {
  const { rows } = await session.query<ColumnRow>(COLUMNS, [table.identifier, table.primaryKey]);
  const keys = rows.filter(({ is_key: isKey }) => isKey);
  const texts = table.primaryKey.map((identifier) => `${identifier}::text`);
  return {
    table,
    rowHash: hashOf(rows),
    keyHash: hashOf(keys.length > 0 ? keys : rows),
    key: texts.length > 0 ? `concat_ws(', ', ${texts.join(", ")})` : "''",
  };
}

interface Sum {
  readonly rows: number;
  readonly hash: string;
}

async function sumUp(session: MoveSession, { table, rowHash }: ComparedTable, tenantId: string): Promise<Sum> {
  const { rows } = await session.query<{ rows: string; hash: string }>(
    `select count(*)::text as rows, coalesce(sum(${rowHash}), 0)::text as hash from ${table.identifier} where tenant_id = $1`,
    [tenantId],
  );
  return { rows: Number(rows[0]!.rows), hash: rows[0]!.hash };
}

/** Rows to a bucket, about, and how many buckets are looked into. */
const BUCKET_ROWS = 256;
const MOST_BUCKETS = 65_536;
const MOST_LOOKED_INTO = 3;
const MOST_KEYS = 5;

async function sumBuckets(session: MoveSession, compared: ComparedTable, tenantId: string, count: number) {
  const { rows } = await session.query<{ bucket: string; sum: string }>(
    `select (${compared.keyHash} & ${count - 1})::text as bucket, count(*) || ' ' || sum(${compared.rowHash}) as sum
     from ${compared.table.identifier} where tenant_id = $1 group by 1`,
    [tenantId],
  );
  return new Map(rows.map(({ bucket, sum }) => [bucket, sum]));
}

async function readBuckets(
  session: MoveSession,
  { table, key, keyHash, rowHash }: ComparedTable,
  tenantId: string,
  count: number,
  buckets: readonly string[],
) {
  const { rows } = await session.query<{ key: string; hash: string }>(
    `select ${key} as key, ${rowHash}::text as hash from ${table.identifier}
     where tenant_id = $1 and (${keyHash} & ${count - 1}) = any ($2::bigint[]) order by 1`,
    [tenantId, buckets],
  );
  return new Map(rows.map((row) => [row.key, row.hash]));
}

/** Finds rows that differ by the sums of buckets of keys, so that no more than a few hundred rows are read. */
async function findKeys(twin: Twin, compared: ComparedTable, tenantId: string, rows: number) {
  const count = Math.min(MOST_BUCKETS, 2 ** Math.max(4, Math.ceil(Math.log2(rows / BUCKET_ROWS + 1))));
  const sums = (session: MoveSession) => sumBuckets(session, compared, tenantId, count);
  const [here, there] = await Promise.all([sums(twin.publisher), sums(twin.subscriber)]);
  const differing = [...new Set([...here.keys(), ...there.keys()])].filter(
    (bucket) => here.get(bucket) !== there.get(bucket),
  );
  const looked = differing.slice(0, MOST_LOOKED_INTO);
  const read = (session: MoveSession) => readBuckets(session, compared, tenantId, count, looked);
  const [published, applied] = await Promise.all([read(twin.publisher), read(twin.subscriber)]);
  const few = (keys: Iterable<string>, test: (key: string) => boolean) => [...keys].filter(test).slice(0, MOST_KEYS);
  return {
    missing: few(published.keys(), (key) => !applied.has(key)),
    changed: few(published.keys(), (key) => applied.has(key) && applied.get(key) !== published.get(key)),
    extra: few(applied.keys(), (key) => !published.has(key)),
  };
}

/** Compares the tenant's rows of one table. @returns rows, and in what they differ if they do */
export async function compareTable(
  twin: Twin,
  compared: ComparedTable,
  tenantId: string,
): Promise<{ rows: number; difference: Difference | null }> {
  const sum = (session: MoveSession) => sumUp(session, compared, tenantId);
  const [here, there] = await Promise.all([sum(twin.publisher), sum(twin.subscriber)]);
  if (here.rows === there.rows && here.hash === there.hash) return { rows: here.rows, difference: null };
  const most = Math.max(here.rows, there.rows);
  const keys = await findKeys(twin, compared, tenantId, most);
  const rows = { publisher: here.rows, subscriber: there.rows };
  return { rows: here.rows, difference: { table: compared.table.identifier, rows, ...keys } };
}
