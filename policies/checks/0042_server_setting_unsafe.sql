-- title: A setting of the server weakens the wall
-- threat: D31 D35 L39
select
  wanted.level,
  s.name as key,
  format('setting %s', s.name) as object,
  wanted.detail,
  format('alter system set %s = %s', s.name, wanted.value) as fix
from pg_catalog.pg_settings s
join (values
  ('error', 'lo_compat_privileges', 'off', 'Every role reads and writes every large object.'),
  ('error', 'allow_system_table_mods', 'off', 'The catalog itself can be edited.'),
  ('error', 'session_replication_role', 'origin', 'Triggers and foreign keys are not checked.'),
  ('error', 'row_security', 'on', 'Statements under row-level security fail.'),
  ('warn', 'transform_null_equals', 'off', 'Comparisons with null mean something else in every function.')
) wanted (level, name, value, detail) on wanted.name = s.name
where s.setting <> wanted.value
