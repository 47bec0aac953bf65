-- title: A unique key does not contain tenant_id
-- threat: D16 L20
select
  'error' as level,
  format('%I.%I', n.nspname, i.relname) as key,
  format('%s %I of %I.%I', case when x.indisprimary then 'primary key' when x.indisexclusion then 'exclusion constraint' else 'unique key' end,
    i.relname, n.nspname, c.relname) as object,
  'Uniqueness is checked across tenants: a conflict tells one what another has, and an open transaction of one blocks the other.' as detail,
  'Declare the key anew with tenant_id as its first column.' as fix
from pg_catalog.pg_index x
join pg_catalog.pg_class i on i.oid = x.indexrelid
join pg_catalog.pg_class c on c.oid = x.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and (x.indisunique or x.indisexclusion)
  -- key columns only: an included column does not take part
  and not coalesce(a.attnum = any ((x.indkey::smallint[])[0:x.indnkeyatts - 1]), false)
