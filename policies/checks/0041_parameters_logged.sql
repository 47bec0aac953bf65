-- title: The server's log may hold the values of statements
-- threat: D31 H26 L39
select
  'warn' as level,
  r.rolname::text as key,
  format('role %s', r.rolname) as object,
  'A slow or failing statement is logged with its values: tenants'' data, and the secret that opens a tenant.' as detail,
  format('As a superuser: alter role %I set log_parameter_max_length = 0', r.rolname) as fix
from pg_catalog.pg_roles r
where r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
  and not exists (
    select from pg_catalog.pg_db_role_setting s
    cross join lateral pg_catalog.unnest(s.setconfig) setting
    where s.setrole = r.oid
      and s.setdatabase in (0, (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database()))
      and setting = 'log_parameter_max_length=0'
  )
