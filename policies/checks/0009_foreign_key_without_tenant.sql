-- title: A foreign key does not pair tenant_id with tenant_id
-- threat: D15 L21
select
  'error' as level,
  format('%I.%I:%I', n.nspname, c.relname, k.conname) as key,
  format('foreign key %I of %I.%I', k.conname, n.nspname, c.relname) as object,
  format('Foreign-key checks bypass row-level security: a row can point at another tenant''s row of %s, and go when that one goes.',
    k.confrelid::pg_catalog.regclass) as detail,
  format('Declare it as foreign key (tenant_id, …) references %s (tenant_id, …).', k.confrelid::pg_catalog.regclass) as fix
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute there on there.attrelid = k.confrelid and there.attname = 'tenant_id' and not there.attisdropped
left join pg_catalog.pg_attribute here on here.attrelid = k.conrelid and here.attname = 'tenant_id' and not here.attisdropped
where k.contype = 'f'
  and n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and not exists (
    select from unnest(k.conkey, k.confkey) pair (mine, theirs)
    where pair.mine = here.attnum and pair.theirs = there.attnum
  )
