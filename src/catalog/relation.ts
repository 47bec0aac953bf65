import type { Column, Relation } from "./catalog.ts";
import { toColumn, type FoundColumn } from "./column.ts";
import type { Key } from "./key.ts";
import { HIDDEN_COLUMNS, readJson, WANTED_SCHEMAS, type CatalogQuery } from "./query.ts";
import type { Types } from "./type.ts";

type Verb = "select" | "insert" | "update" | "delete";

export interface FoundRelation {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly comment: string | null;
  readonly hasTenant: boolean;
  readonly isServed: boolean;
  readonly verbs: readonly Verb[];
  readonly columns: readonly FoundColumn[];
}

/**
 * Served is what the role may touch; partitions are reached through their parent only (threats.md, D25), materialized views and
 * foreign tables not at all, since row-level security does not cover them (D24), nor what an extension brings: its views tell of the
 * whole server (pg_stat_statements). What else functions give rows of comes along
 * without verbs, for its columns.
 */
const QUERY = `
with ${WANTED_SCHEMAS},
given as (
  select b.typrelid
  from pg_catalog.pg_proc p
  join wanted w on w.oid = p.pronamespace
  join pg_catalog.pg_type t on t.oid = p.prorettype
  join pg_catalog.pg_type b on b.oid in (t.oid, t.typbasetype) and b.typrelid <> 0
),
-- The rights of a view count for what it can do at all (pg_relation_is_updatable: 8 insert, 4 update, 16 delete).
listed as materialized (
  select c.oid, n.nspname, c.relname, c.relkind,
    case when w.oid is null or c.relispartition or c.relkind not in ('r', 'p', 'v') or exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    ) then '{}' else array_remove(array[
      case when pg_catalog.has_any_column_privilege($2, c.oid, 'select') then 'select' end,
      case when able.bits & 8 > 0 and pg_catalog.has_any_column_privilege($2, c.oid, 'insert') then 'insert' end,
      case when able.bits & 4 > 0 and pg_catalog.has_any_column_privilege($2, c.oid, 'update') then 'update' end,
      case when able.bits & 16 > 0 and pg_catalog.has_table_privilege($2, c.oid, 'delete') then 'delete' end
    ], null) end as verbs
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join wanted w on w.oid = c.relnamespace
  cross join lateral (
    select case when c.relkind = 'v' then pg_catalog.pg_relation_is_updatable(c.oid, true) else 28 end
  ) able (bits)
  where (w.oid is not null and c.relkind in ('r', 'p', 'v') and not c.relispartition) or c.oid in (select typrelid from given)
),
relations as materialized (
  select * from listed where cardinality(verbs) > 0 or oid in (select typrelid from given)
),
columns as (
  select a.attrelid, bool_or(a.attname = 'tenant_id') as has_tenant, json_agg(json_build_object(
    'name', a.attname,
    'position', a.attnum,
    'type', a.atttypid::text,
    'modified', case when a.atttypmod <> -1 then pg_catalog.format_type(a.atttypid, a.atttypmod) end,
    'notNull', a.attnotnull,
    'defaultSql', case
      when a.attidentity <> '' then format('nextval(%L::regclass)', (
        select format('%I.%I', sn.nspname, s.relname)
        from pg_catalog.pg_depend d
        join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
        join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
        where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
          and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'))
      when a.attgenerated = '' then pg_catalog.pg_get_expr(f.adbin, f.adrelid) end,
    'computed', a.attgenerated <> '',
    'identity', a.attidentity,
    'comment', pg_catalog.col_description(a.attrelid, a.attnum)
  ) order by a.attnum) as list
  from relations r
  join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    -- Of Rowhouse's own tables requests get single columns: hashes are none of them.
    and (r.nspname <> 'tenant' or pg_catalog.has_column_privilege($2, r.oid, a.attnum, 'select'))
  left join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
  group by a.attrelid
)
select coalesce(json_agg(json_build_object(
    'oid', r.oid::text,
    'schema', r.nspname,
    'name', r.relname,
    'kind', r.relkind,
    'comment', pg_catalog.obj_description(r.oid, 'pg_class'),
    'hasTenant', c.has_tenant,
    'isServed', cardinality(r.verbs) > 0,
    'verbs', to_json(r.verbs),
    'columns', c.list
  ) order by r.relname), '[]')::text as found
from relations r join columns c on c.attrelid = r.oid`;

/**
 * @param role whose rights say which relations and verbs there are
 * @throws what `query` throws
 */
export function readRelations(query: CatalogQuery, schemas: readonly string[], role: string): Promise<FoundRelation[]> {
  return readJson(query, QUERY, [JSON.stringify(schemas), role]);
}

/** By name, without those that no request sees. */
export function visibleColumns(found: readonly FoundColumn[], types: Types): ReadonlyMap<string, Column> {
  return new Map(
    found.filter(({ name }) => !HIDDEN_COLUMNS.has(name)).map((column) => [column.name, toColumn(column, types)]),
  );
}

/** Rows that are nobody's table: they have columns and no more. */
export function pseudoRelation(schema: string, name: string, columns: Relation["columns"]): Relation {
  return {
    schema,
    name,
    kind: "table",
    isPartitioned: false,
    comment: null,
    columns,
    computed: new Map(),
    primaryKey: [],
    uniqueKeys: new Map(),
    hasTenant: false,
    verbs: new Set(),
  };
}

export interface RelationParts {
  readonly keys: readonly Key[];
  /** Of a view those that it has from its tables. */
  readonly inherited: readonly string[] | undefined;
  readonly computed: ReadonlyMap<string, Column>;
}

/** A relation as the rest of Rowhouse knows it. */
export function toRelation(found: FoundRelation, types: Types, { keys, inherited, computed }: RelationParts): Relation {
  const { schema, name, kind, comment, hasTenant, verbs } = found;
  const columns = visibleColumns(found.columns, types);
  const seen = keys.filter((key) => key.columns.every((column) => columns.has(column.name)));
  const primary = seen.find(({ isPrimary }) => isPrimary)?.columns.map((column) => column.name);
  return {
    schema,
    name,
    kind: kind === "v" ? "view" : "table",
    isPartitioned: kind === "p",
    comment,
    columns,
    computed: new Map([...computed].filter(([own]) => !columns.has(own))),
    primaryKey: inherited ?? primary?.toSorted() ?? [],
    uniqueKeys: new Map(seen.map((key) => [key.name, key.columns.map((column) => column.name)])),
    hasTenant,
    verbs: new Set(verbs),
  };
}
