-- title: Requests may call a built-in function that reaches over the wall
-- threat: D13 D30 D32 D33 D35 D38 L31
select
  'warn' as level,
  p.proname::text as key,
  format('function pg_catalog.%s', p.proname) as object,
  case
    when p.proname = 'set_config' then 'One injected expression can change settings in the middle of a statement, and keep them for the next request.'
    when p.proname ~ '^pg_(try_)?advisory' then 'A lock that one tenant takes can stop another, or the move of a tenant.'
    when p.proname ~ '^(lo_|loread|lowrite)' then 'Large objects have no tenant: what one writes, another reads.'
    when p.proname ~ '^pg_(cancel|terminate)' then 'All requests share one role, so that one tenant''s can end another''s.'
    when p.proname ~ '(to_xml|^ts_stat|^ts_rewrite)' then 'It runs any query that is given to it as text.'
    else 'It shows or disturbs what other sessions do.'
  end as detail,
  'Run `rowhouse migrate` once as a superuser. A managed server that refuses this to everyone stays as it is; the policies hold without it.' as fix
from pg_catalog.pg_proc p
where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
  and (p.proname in ('set_config', 'pg_notify', 'ts_stat', 'setval', 'pg_sleep', 'pg_sleep_for', 'pg_sleep_until',
      'pg_cancel_backend', 'pg_terminate_backend', 'pg_stat_get_activity', 'pg_lock_status', 'pg_logical_emit_message',
      'pg_export_snapshot', 'pg_current_logfile', 'loread', 'lowrite', 'pg_stat_get_backend_activity', 'pg_prepared_statement', 'pg_cursor')
    or (p.proname = 'ts_rewrite' and p.pronargs = 2)
    or p.proname ~ '^(lo_|pg_(try_)?advisory_|query_to_xml|table_to_xml|cursor_to_xml|schema_to_xml|database_to_xml)')
  and pg_catalog.has_function_privilege('rowhouse_api', p.oid, 'execute')
group by p.proname
