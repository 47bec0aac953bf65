-- title: Requests have no limit of time by themselves
-- threat: D27 H23 L35
select
  'warn' as level,
  wanted.name as key,
  'role rowhouse_api' as object,
  format('%s is not set: one tenant''s session can keep the others waiting for as long as it likes.', wanted.name) as detail,
  format('alter role rowhouse_api set %s = ''%s''', wanted.name, wanted.value) as fix
from (values ('lock_timeout', '2s'), ('idle_in_transaction_session_timeout', '10s')) wanted (name, value)
where not exists (
  select from pg_catalog.pg_db_role_setting s
  join pg_catalog.pg_roles r on r.oid = s.setrole
  cross join lateral pg_catalog.unnest(s.setconfig) setting
  where r.rolname = 'rowhouse_api'
    and s.setdatabase in (0, (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database()))
    and split_part(setting, '=', 1) = wanted.name
    and split_part(setting, '=', 2) !~ '^0[a-z]*$'
)
