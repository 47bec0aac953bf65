import type pg from "pg";

/** A table of `tenant` or of a schema of the app that carries `tenant_id`, as the live catalog has it. Never listed by hand. */
export interface TenantTable {
  readonly schema: string;
  readonly name: string;
  /** `schema.name`, quoted where it must be. */
  readonly identifier: string;
  /** In the table's order; without `tenant_id` and without generated columns. */
  readonly columns: readonly { readonly name: string; /** Quoted where it must be. */ readonly identifier: string }[];
  /** Quoted columns of the primary key, without `tenant_id`. */
  readonly primaryKey: readonly string[];
  /** Bytes on disk for all tenants together, a hint for what to do first. */
  readonly bytes: number;
  /** The same for tables whose foreign keys run in a circle; left out for others. */
  readonly circle?: number;
}

interface TableRow {
  oid: string;
  schema: string;
  name: string;
  identifier: string;
  columns: { name: string; identifier: string }[];
  primary_key: string[];
  bytes: string;
  parents: string[];
}

const TABLES = `
  select c.oid::text, n.nspname as schema, c.relname as name, format('%I.%I', n.nspname, c.relname) as identifier,
    (select coalesce(json_agg(json_build_object('name', a.attname, 'identifier', quote_ident(a.attname)) order by a.attnum), '[]')
      from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname <> 'tenant_id' and a.attgenerated = '') as columns,
    array(select quote_ident(a.attname) from pg_constraint k
      cross join unnest(k.conkey) with ordinality key (attnum, ord)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = key.attnum
      where k.conrelid = c.oid and k.contype = 'p' and a.attname <> 'tenant_id' order by key.ord) as primary_key,
    pg_total_relation_size(c.oid)::text as bytes,
    array(select distinct k.confrelid::text from pg_constraint k
      where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as parents
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join unnest(array(select platform.tenant_schemas())) with ordinality s (name, position) on s.name = n.nspname
  where c.relkind in ('r', 'p') and not c.relispartition
    and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
  order by s.position, c.relname`;

/** The fewest of the rows that point at nothing outside of themselves: what closes a circle of foreign keys. Pure. */
function smallestCircle(rows: readonly TableRow[]): TableRow[] {
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  const circles = rows.map((row) => {
    const found = new Set([row]);
    for (const { parents } of found) {
      for (const parent of parents.flatMap((oid) => byOid.get(oid) ?? [])) found.add(parent);
    }
    return rows.filter((other) => found.has(other));
  });
  return circles.toSorted((one, other) => one.length - other.length)[0] ?? [];
}

/** Parents before children; the order among equals stays. Tables whose keys run in a circle come together. Pure. */
function parentsFirst(rows: readonly TableRow[]): (TableRow & { readonly circle: number | null })[] {
  let waiting = [...rows];
  const ordered: (TableRow & { readonly circle: number | null })[] = [];
  for (let circle = 1; waiting.length > 0;) {
    const left = new Set(waiting.map(({ oid }) => oid));
    const free = waiting.filter(({ parents }) => !parents.some((parent) => left.has(parent)));
    const ready = free.length > 0 ? free : smallestCircle(waiting);
    const mark = free.length > 0 ? null : circle++;
    ordered.push(...ready.map((row) => ({ ...row, circle: mark })));
    waiting = waiting.filter((row) => !ready.includes(row));
  }
  return ordered;
}

/**
 * Every table that holds rows of tenants, referenced ones before those that reference them: the order to insert in, and
 * backwards the order to delete in. Tables with the same `circle` point at each other: their rows go in one statement.
 */
export async function readTenantTables(client: pg.ClientBase): Promise<TenantTable[]> {
  const { rows } = await client.query<TableRow>(TABLES);
  return parentsFirst(rows).map((row) => ({
    schema: row.schema,
    name: row.name,
    identifier: row.identifier,
    columns: row.columns,
    primaryKey: row.primary_key,
    bytes: Number(row.bytes),
    ...(row.circle !== null && { circle: row.circle }),
  }));
}
