-- title: Requests may read the control plane
-- threat: D03 H27
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('table %I.%I', n.nspname, c.relname) as object,
  'It holds what opens tenants: seals, keys, secrets, addresses.' as detail,
  format('revoke all on %I.%I from public, rowhouse_api', n.nspname, c.relname) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'platform'
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'select')
    or pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'insert')
    or pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'update')
    or pg_catalog.has_table_privilege('rowhouse_api', c.oid, 'delete'))
