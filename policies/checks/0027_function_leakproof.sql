-- title: A function of ours is marked leakproof
-- threat: D17 L19
select
  'error' as level,
  p.oid::pg_catalog.regprocedure::text as key,
  format('function %s', p.oid::pg_catalog.regprocedure) as object,
  'PostgreSQL may run it on rows before the policy has decided about them.' as detail,
  format('alter function %s not leakproof', p.oid::pg_catalog.regprocedure) as fix
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.proleakproof
  and n.nspname not in ('pg_catalog', 'information_schema')
