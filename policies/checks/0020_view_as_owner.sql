-- title: A view reads with its owner's rights
-- threat: D22 L15
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('view %I.%I', n.nspname, c.relname) as object,
  format('It reads as %s, whom the policies may not bind.', pg_catalog.pg_get_userbyid(c.relowner)) as detail,
  format('alter view %I.%I set (security_invoker = true)', n.nspname, c.relname) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'v'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and (n.nspname in (select s.name from platform.schemas s union all select 'tenant') or pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'select'))
  -- an extension's views show what is the server's
  and not exists (select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e')
  and not exists (
    select from pg_catalog.pg_options_to_table(c.reloptions) o
    where o.option_name = 'security_invoker' and o.option_value::boolean
  )
