-- title: Requests may reach a table that no rule looks at
-- threat: D01 L01
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('%I.%I', n.nspname, c.relname) as object,
  format('The schema %I is not registered as the app''s: nothing demands that its tables be protected, and no export or deletion of a tenant sees their rows.', n.nspname) as detail,
  format('select platform.add_schema(%L) in a migration, and protect its tables; or revoke usage on schema %I from rowhouse_api', n.nspname, n.nspname) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and n.nspname not in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse'), ('information_schema'))
  and n.nspname !~ '^pg_'
  and pg_catalog.has_schema_privilege('rowhouse_api', n.oid, 'usage')
  and (pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'insert, update')
    or pg_catalog.has_table_privilege('rowhouse_api', c.oid, 'delete, truncate')
    -- an extension's table that may only be read is every tenant's
    or (pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'select')
      and not exists (select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e')))
