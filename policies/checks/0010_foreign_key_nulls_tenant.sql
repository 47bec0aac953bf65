-- title: A foreign key would set tenant_id to null or to its default
-- threat: D15 L22
select
  'error' as level,
  format('%I.%I:%I', n.nspname, c.relname, k.conname) as key,
  format('foreign key %I of %I.%I', k.conname, n.nspname, c.relname) as object,
  'When the referenced row goes, tenant_id is overwritten with it: the row becomes nobody''s, or the delete fails.' as detail,
  'Name the column: on delete set null (column). An on update action has no such list; leave it out, keys do not change.' as fix
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attname = 'tenant_id' and not a.attisdropped
where k.contype = 'f'
  and n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and a.attnum = any (k.conkey)
  and (k.confupdtype in ('n', 'd')
    or (k.confdeltype in ('n', 'd') and a.attnum = any (coalesce(nullif(k.confdelsetcols, '{}'), k.conkey))))
