-- title: tenant_id is missing, nullable, of another type or without its default
-- threat: D08 L04
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('%I.%I.tenant_id', n.nspname, c.relname) as object,
  case
    when a.attnum is null then 'The column is missing.'
    when a.atttypid <> 'pg_catalog.uuid'::pg_catalog.regtype then format('It is %s and not uuid.', pg_catalog.format_type(a.atttypid, a.atttypmod))
    when not a.attnotnull then 'It may be null: such a row is nobody''s, and no policy shows it to anyone.'
    else 'Its default is not platform.current_tenant(), the only source that an insert may take it from.'
  end as detail,
  format('select platform.protect_table(%L)', format('%I.%I', n.nspname, c.relname)) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and c.relkind in ('r', 'p')
  -- what an extension brings is every tenant's, as long as requests may only read it
  and (pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'insert, update')
    or pg_catalog.has_table_privilege('rowhouse_api', c.oid, 'delete, truncate')
    or not exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'))
  and not coalesce(
    a.attnotnull
    and a.atttypid = 'pg_catalog.uuid'::pg_catalog.regtype
    and pg_catalog.pg_get_expr(d.adbin, d.adrelid) = 'platform.current_tenant()', false)
