-- title: A role of requests may write tenant_id
-- threat: D06 H16 L28
select
  'error' as level,
  format('%I.%I:%s', n.nspname, c.relname, r.rolname) as key,
  format('%I.%I.tenant_id', n.nspname, c.relname) as object,
  format('%s may write it, so that only the policies stand between a request and another tenant''s rows.', r.rolname) as detail,
  format('select platform.protect_table(%L)', format('%I.%I', n.nspname, c.relname)) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
cross join pg_catalog.pg_roles r
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and c.relkind in ('r', 'p')
  and r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
  and (pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'insert')
    or pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'update'))
