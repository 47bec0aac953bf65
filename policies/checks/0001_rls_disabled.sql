-- title: A table of app or tenant has row-level security switched off
-- threat: D01 L01
select
  'error' as level,
  format('%I.%I', n.nspname, c.relname) as key,
  format('%I.%I', n.nspname, c.relname) as object,
  'Row-level security is off: whoever may select reads every tenant''s rows.' as detail,
  format('select platform.protect_table(%L)', format('%I.%I', n.nspname, c.relname)) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('app', 'tenant')
  and c.relkind in ('r', 'p')
  and not c.relrowsecurity
