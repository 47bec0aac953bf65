import { HIDDEN_COLUMNS, readJson, type CatalogQuery } from "./query.ts";

export interface KeyColumn {
  readonly position: number;
  readonly name: string;
}

/** A primary or unique key, without the columns that no request sees. Never empty. */
export interface Key {
  /** Oid of its table. */
  readonly table: string;
  /** Of its index, which an error of it names. */
  readonly name: string;
  readonly isPrimary: boolean;
  /** Whether it was declared as a constraint, and is no mere index. */
  readonly isConstraint: boolean;
  readonly columns: readonly KeyColumn[];
}

/** A foreign key between two tables of any schema, without `tenant_id`. Never empty. */
export interface TableForeignKey {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly pairs: readonly (readonly [here: KeyColumn, there: KeyColumn])[];
}

export interface Keys {
  readonly unique: readonly Key[];
  readonly foreign: readonly TableForeignKey[];
}

/** Of every schema: views of a served one stand on tables of others. */
const QUERY = `
with tables as materialized (
  select c.oid
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'platform')
),
unique_keys as (
  select x.indexrelid, x.indrelid, x.indisprimary, i.relname,
    exists (select from pg_catalog.pg_constraint c where c.conindid = x.indexrelid and c.contype in ('p', 'u')) as is_constraint,
    json_agg(json_build_object('position', a.attnum, 'name', a.attname) order by k.ord) as columns
  from tables t
  join pg_catalog.pg_index x on x.indrelid = t.oid and x.indisunique and x.indisvalid and x.indpred is null and x.indexprs is null
  join pg_catalog.pg_class i on i.oid = x.indexrelid
  cross join lateral unnest(x.indkey::smallint[]) with ordinality k (attnum, ord)
  join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
  where k.ord <= x.indnkeyatts
  group by x.indexrelid, x.indrelid, x.indisprimary, i.relname
),
foreign_keys as (
  select c.conname, c.conrelid, c.confrelid, json_agg(json_build_array(
    json_build_object('position', pair.here, 'name', here.attname), json_build_object('position', pair.there, 'name', there.attname)
  ) order by pair.ord) as pairs
  from pg_catalog.pg_constraint c
  join tables t on t.oid = c.conrelid
  cross join lateral unnest(c.conkey, c.confkey) with ordinality pair (here, there, ord)
  join pg_catalog.pg_attribute here on here.attrelid = c.conrelid and here.attnum = pair.here and here.attname <> 'tenant_id'
  join pg_catalog.pg_attribute there on there.attrelid = c.confrelid and there.attnum = pair.there
  -- One of a partitioned table stands for those of its partitions.
  where c.contype = 'f' and c.conparentid = 0
  group by c.oid, c.conname, c.conrelid, c.confrelid
)
select json_build_object(
  'unique', coalesce((select json_agg(json_build_object('table', indrelid::text, 'name', relname, 'isPrimary', indisprimary,
    'isConstraint', is_constraint, 'columns', columns) order by relname) from unique_keys), '[]'),
  'foreign', coalesce((select json_agg(json_build_object('name', conname, 'from', conrelid::text, 'to', confrelid::text,
    'pairs', pairs) order by conrelid, conname) from foreign_keys), '[]')
)::text as found`;

/** @throws what `query` throws */
export async function readKeys(query: CatalogQuery): Promise<Keys> {
  const { unique, foreign } = await readJson<Keys>(query, QUERY, []);
  const seen = unique.map((key) => ({ ...key, columns: key.columns.filter(({ name }) => !HIDDEN_COLUMNS.has(name)) }));
  return { unique: seen.filter(({ columns }) => columns.length > 0), foreign };
}
