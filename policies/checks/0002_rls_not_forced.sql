-- title: Row-level security does not bind the table's owner
-- threat: D02 L02
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('%I.%I', n.nspname, c.relname) as object,
  'The owner, and every security definer function of the owner, reads all tenants.' as detail,
  format('alter table %I.%I force row level security', n.nspname, c.relname) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and c.relkind in ('r', 'p')
  -- what an extension brings is every tenant's, as long as requests may only read it
  and (pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'insert, update')
    or pg_catalog.has_table_privilege('rowhouse_api', c.oid, 'delete, truncate')
    or not exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'))
  and not c.relforcerowsecurity
