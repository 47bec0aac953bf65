-- title: A role or database starts its sessions with a setting that decides about tenants
-- threat: D12 L34
select
  'error' as level,
  format('%s:%s:%s', coalesce(r.rolname, '*'), coalesce(b.datname, '*'), split_part(setting, '=', 1)) as key,
  case when r.rolname is null then format('database %I', b.datname) else format('role %I', r.rolname) end as object,
  format('Every new session has %s.', split_part(setting, '=', 1)) as detail,
  case when r.rolname is null then format('alter database %I reset %I', b.datname, split_part(setting, '=', 1))
    else format('alter role %I%s reset %I', r.rolname, coalesce(' in database ' || quote_ident(b.datname), ''), split_part(setting, '=', 1)) end as fix
from pg_catalog.pg_db_role_setting s
left join pg_catalog.pg_roles r on r.oid = s.setrole
left join pg_catalog.pg_database b on b.oid = s.setdatabase
cross join lateral pg_catalog.unnest(s.setconfig) setting
where (s.setdatabase = 0 or b.datname = pg_catalog.current_database())
  and (r.oid is null or r.rolname ~ '^rowhouse_')
  and setting ~* '^(app\.|rowhouse\.|backtrace_functions=|row_security=|session_replication_role=|search_path=|role=|transform_null_equals=|default_transaction_|client_encoding=|standard_conforming_strings=)'
  -- the app's schemas, as policies/sessions.sql sets them in each database: no role of requests may create anything there
  and not (r.rolname = 'rowhouse_api' and s.setdatabase <> 0 and setting = 'search_path=' || (
    select case when pg_catalog.has_function_privilege('rowhouse_api', 'pg_catalog.set_config(text, text, boolean)', 'execute') then ''
      else 'rowhouse, pg_catalog, ' end || pg_catalog.string_agg(quote_ident(p.name), ', ' order by p.position, p.name)
    from (
      select a.name, a.position from platform.schemas a
      union all
      select 'public', null where not exists (select from platform.schemas a where a.name = 'public')
    ) p))
