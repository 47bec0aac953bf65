-- title: Requests may call built-in functions that reach over the wall
-- threat: D13 D30 D32 D33 D35 D38 L31
select
  'warn' as level,
  reach.name as key,
  format('functions %s', pg_catalog.string_agg(distinct p.proname, ', ' order by p.proname)) as object,
  reach.detail,
  'Run `rowhouse migrate` as a superuser. Where a managed server lets nobody revoke them, suppress this: the policies hold without.' as fix
from (values
  ('set_config', '^set_config$', 'One injected expression changes settings in the middle of a statement, and keeps them for the next request.'),
  ('advisory_locks', '^pg_(try_)?advisory_', 'A lock that one tenant takes stops another, or the move of a tenant.'),
  ('large_objects', '^(lo_|loread$|lowrite$)', 'Large objects have no tenant: what one writes, another reads.'),
  ('signals', '^pg_(cancel|terminate)_backend$|^pg_sleep', 'Requests share one role, so that one tenant''s can end another''s, or hold connections.'),
  ('query_text', '^(query|table|cursor|schema|database)_to_xml|^ts_stat$|^ts_rewrite$', 'They run whatever query they are given as text.'),
  ('messages', '^(pg_notify|pg_logical_emit_message|setval|pg_export_snapshot)$', 'They reach other sessions, replicas or counters.'),
  ('other_sessions', '^(pg_stat_get_activity|pg_stat_get_backend_activity|pg_lock_status|pg_prepared_statement|pg_cursor|pg_current_logfile)$',
    'They show the statements and names that requests of other tenants left or run.')
) reach (name, pattern, detail)
join pg_catalog.pg_proc p
  on p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
  and p.proname ~ reach.pattern
  -- with three arguments ts_rewrite runs no query
  and not (p.proname = 'ts_rewrite' and p.pronargs <> 2)
  and pg_catalog.has_function_privilege('rowhouse_api', p.oid, 'execute')
group by reach.name, reach.detail
