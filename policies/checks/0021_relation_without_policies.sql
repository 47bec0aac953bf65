-- title: A relation can't have policies: a materialized view or a foreign table
-- threat: D24 L16
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('%s %I.%I', case c.relkind when 'm' then 'materialized view' else 'foreign table' end, n.nspname, c.relname) as object,
  'Row-level security does not apply to it: whoever may select reads every tenant''s rows.' as detail,
  'Use a table kept by triggers or a view with security_invoker, or move it into a schema that requests have no right on.' as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('m', 'f')
  and (n.nspname in (select s.name from platform.schemas s union all select 'tenant') or pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'select'))
