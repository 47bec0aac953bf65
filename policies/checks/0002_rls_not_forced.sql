-- title: Row-level security does not bind the table's owner
-- threat: D02 L02
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('%I.%I', n.nspname, c.relname) as object,
  'The owner, and every security definer function of the owner, reads all tenants.' as detail,
  format('alter table %I.%I force row level security', n.nspname, c.relname) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('app', 'tenant')
  and c.relkind in ('r', 'p')
  and not c.relforcerowsecurity
