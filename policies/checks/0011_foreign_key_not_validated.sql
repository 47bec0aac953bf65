-- title: A foreign key was never checked against the rows that exist
-- threat: D15 L23
select
  'warn' as level,
  format('%I.%I:%I', n.nspname, c.relname, k.conname) as key,
  format('foreign key %I of %I.%I', k.conname, n.nspname, c.relname) as object,
  'Older rows may point at another tenant''s rows.' as detail,
  format('alter table %I.%I validate constraint %I', n.nspname, c.relname, k.conname) as fix
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f'
  and n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  -- conenforced is new in PostgreSQL 18; by way of jsonb, the name may be missing
  and (not k.convalidated or (pg_catalog.to_jsonb(k) ->> 'conenforced') = 'false')
