-- title: Requests may read what other sessions do
-- threat: D30 L31
select
  'warn' as level,
  c.relname::text as key,
  format('view pg_catalog.%s', c.relname) as object,
  'All requests share one role, so that it shows the statements, locks or names of every tenant''s.' as detail,
  format('As a superuser: revoke select on pg_catalog.%s from public', c.relname) as fix
from pg_catalog.pg_class c
where c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace
  and c.relname in ('pg_stat_activity', 'pg_locks', 'pg_prepared_statements', 'pg_cursors')
  and pg_catalog.has_table_privilege('rowhouse_api', c.oid, 'select')
