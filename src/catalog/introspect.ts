import type { Catalog, Column, ForeignKey, Relation, Served } from "./catalog.ts";

/** Runs one query; only text columns are read from its rows, so that no type parser of the driver matters. */
export type CatalogQuery = (text: string, values: string[]) => Promise<Record<string, unknown>[]>;

/**
 * All of it in one statement, as one JSON text: set-based, so that a thousand tables take no longer than the server needs to
 * read its own catalog. Served is what the role may touch; partitions are reached through their parent only (threats.md, D25),
 * materialized views and foreign tables not at all, since row-level security does not cover them (D24).
 */
const QUERY = `
with recursive served as materialized (
  select c.oid, c.relname, c.relkind,
    exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    ) as has_tenant,
    array_remove(array[
      case when pg_catalog.has_any_column_privilege($2, c.oid, 'select') then 'select' end,
      case when pg_catalog.has_any_column_privilege($2, c.oid, 'insert') then 'insert' end,
      case when pg_catalog.has_any_column_privilege($2, c.oid, 'update') then 'update' end,
      case when pg_catalog.has_table_privilege($2, c.oid, 'delete') then 'delete' end
    ], null) as verbs
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind in ('r', 'p', 'v') and not c.relispartition
),
relations as materialized (select * from served where cardinality(verbs) > 0),
-- A domain's base type is what values are compared as; a domain over a domain takes another round.
base_types as (
  select t.oid, t.oid as base, t.typtype, t.typbasetype
  from pg_catalog.pg_type t
  where t.oid in (select a.atttypid from pg_catalog.pg_attribute a join relations r on r.oid = a.attrelid)
  union all
  select b.oid, t.oid, t.typtype, t.typbasetype
  from base_types b
  join pg_catalog.pg_type t on t.oid = b.typbasetype
  where b.typtype = 'd'
),
columns as (
  select a.attrelid, json_agg(json_build_object(
    'name', a.attname,
    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'category', t.typcategory,
    -- With -1 rather than null: "character" would be character(1), and cut what it casts.
    'castType', case when tn.nspname = 'pg_catalog' then pg_catalog.format_type(t.oid, -1)
      else quote_ident(tn.nspname) || '.' || quote_ident(t.typname) end,
    'nullable', not a.attnotnull,
    'hasDefault', (a.atthasdef and a.attgenerated = '') or a.attidentity <> '',
    'defaultSql', case
      when a.attidentity <> '' then format('nextval(%L::regclass)', pg_catalog.pg_get_serial_sequence(a.attrelid::regclass::text, a.attname))
      when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end,
    'labels', case when t.typtype = 'e' then (
      select json_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid) end,
    'generated', a.attgenerated <> '' or a.attidentity = 'a',
    'representation', null,
    'comment', pg_catalog.col_description(a.attrelid, a.attnum)
  ) order by a.attnum) as list
  from relations r
  join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and a.attname <> 'tenant_id'
  join base_types b on b.oid = a.atttypid and b.typtype <> 'd'
  join pg_catalog.pg_type t on t.oid = b.base
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  group by a.attrelid
),
key_columns as (
  select x.indrelid, x.indexrelid, x.indisprimary,
    json_agg(a.attname order by k.ord) filter (where a.attname <> 'tenant_id') as names
  from relations r
  join pg_catalog.pg_index x on x.indrelid = r.oid and x.indisunique and x.indisvalid and x.indpred is null and x.indexprs is null
  cross join lateral unnest(x.indkey::smallint[]) with ordinality k (attnum, ord)
  join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
  where k.ord <= x.indnkeyatts
  group by x.indrelid, x.indexrelid, x.indisprimary
),
keys as (
  select indrelid, json_agg(json_build_object('primary', indisprimary, 'columns', names) order by indexrelid) as list
  from key_columns where names is not null group by indrelid
),
foreign_keys as (
  select c.oid, c.conname, f.relname as from_name, t.relname as to_name,
    json_agg(here.attname order by pair.ord) as columns,
    json_agg(there.attname order by pair.ord) as referenced
  from pg_catalog.pg_constraint c
  join relations f on f.oid = c.conrelid
  join relations t on t.oid = c.confrelid
  cross join lateral unnest(c.conkey, c.confkey) with ordinality pair (here, there, ord)
  join pg_catalog.pg_attribute here on here.attrelid = c.conrelid and here.attnum = pair.here and here.attname <> 'tenant_id'
  join pg_catalog.pg_attribute there on there.attrelid = c.confrelid and there.attnum = pair.there
  where c.contype = 'f' and c.conparentid = 0
  group by c.oid, c.conname, f.relname, t.relname
)
select json_build_object(
  'relations', coalesce((select json_agg(json_build_object(
      'name', r.relname,
      'kind', case r.relkind when 'v' then 'view' else 'table' end,
      'isPartitioned', r.relkind = 'p',
      'comment', pg_catalog.obj_description(r.oid, 'pg_class'),
      'columns', c.list,
      'keys', coalesce(k.list, '[]'),
      'hasTenant', r.has_tenant,
      'verbs', to_json(r.verbs)
    ) order by r.relname)
    from relations r join columns c on c.attrelid = r.oid left join keys k on k.indrelid = r.oid), '[]'),
  'foreignKeys', coalesce((select json_agg(json_build_object(
      'name', conname, 'from', from_name, 'columns', columns, 'to', to_name, 'referenced', referenced
    ) order by from_name, conname) from foreign_keys), '[]')
)::text as catalog`;

interface FoundKey {
  readonly primary: boolean;
  readonly columns: readonly string[];
}

type FoundRelation = Omit<Relation, "schema" | "columns" | "computed" | "primaryKey" | "uniqueKeys" | "verbs"> & {
  readonly columns: readonly Column[];
  readonly keys: readonly FoundKey[];
  readonly verbs: readonly ("select" | "insert" | "update" | "delete")[];
};

function toRelation(schema: string, { columns, keys, verbs, ...found }: FoundRelation): Relation {
  return {
    ...found,
    schema,
    computed: new Map(),
    columns: new Map(columns.map((column) => [column.name, column])),
    primaryKey: keys.find((key) => key.primary)?.columns ?? [],
    uniqueKeys: keys.filter((key) => !key.primary).map((key) => key.columns),
    verbs: new Set(verbs),
  };
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}

function isUniqueIn(relation: Relation | undefined, columns: readonly string[]): boolean {
  if (relation === undefined) return false;
  return [relation.primaryKey, ...relation.uniqueKeys].some((key) => isSameSet(key, columns));
}

/**
 * Reads what a role may reach in a schema. `tenant_id` is left out of columns, keys and foreign keys: a client never sees it.
 * @param query runs it in the database; any role may read the system catalog
 * @param options `schema` to serve, `role` whose rights say which relations and verbs there are
 * @throws what `query` throws
 */
export async function loadCatalog(
  query: CatalogQuery,
  { schema, role }: { schema: string; role: string },
): Promise<Catalog> {
  const [row] = await query(QUERY, [schema, role]);
  const found = JSON.parse(String(row?.["catalog"])) as {
    relations: FoundRelation[];
    foreignKeys: Omit<ForeignKey, "oneToOne">[];
  };
  const relations = new Map(found.relations.map((relation) => [relation.name, toRelation(schema, relation)]));
  const foreignKeys = found.foreignKeys.map((key) => ({
    ...key,
    oneToOne: isUniqueIn(relations.get(key.from), key.columns),
  }));
  return { schema, relations, foreignKeys, routines: new Map(), computedRelationships: [], handlers: [] };
}

/**
 * Reads every schema that `platform.schemas` serves.
 * @throws what `query` throws
 */
export async function loadServed(query: CatalogQuery, { role }: { role: string }): Promise<Served> {
  const catalog = await loadCatalog(query, { schema: "app", role });
  return { catalogs: new Map([["app", catalog]]), timezones: new Map(), readsRequest: false, writesResponse: false };
}
