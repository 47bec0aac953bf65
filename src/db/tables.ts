import type pg from "pg";
import { RowhouseError } from "../errors.ts";

/** A table of `app` or `tenant` that carries `tenant_id`, as the live catalog has it. Never listed by hand. */
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
  where n.nspname in ('tenant', 'app') and c.relkind in ('r', 'p') and not c.relispartition
    and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
  order by n.nspname desc, c.relname`;

/** Parents before children; the order among equals stays. Pure. */
function parentsFirst(rows: readonly TableRow[]): TableRow[] {
  const known = new Set(rows.map(({ oid }) => oid));
  const placed = new Set<string>();
  const ordered: TableRow[] = [];
  while (ordered.length < rows.length) {
    const ready = rows.filter(
      ({ oid, parents }) => !placed.has(oid) && parents.every((parent) => placed.has(parent) || !known.has(parent)),
    );
    if (ready.length === 0) {
      const left = rows.filter(({ oid }) => !placed.has(oid)).map(({ identifier }) => identifier);
      throw new RowhouseError("tableUnfit", {
        message: `Foreign keys run in a circle: ${left.join(", ")}`,
        hint: "Break the circle by moving one of the keys into a table of its own.",
      });
    }
    for (const row of ready) placed.add(row.oid);
    ordered.push(...ready);
  }
  return ordered;
}

/**
 * Every table that holds rows of tenants, referenced ones before those that reference them: the order to insert in, and
 * backwards the order to delete in.
 * @throws RowhouseError tableUnfit when foreign keys run in a circle
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
  }));
}
