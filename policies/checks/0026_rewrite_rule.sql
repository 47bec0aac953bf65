-- title: A table has a rewrite rule
-- threat: D40 L36
select
  'error' as level,
  format('%I.%I:%I', n.nspname, c.relname, w.rulename) as key,
  format('rule %I on %I.%I', w.rulename, n.nspname, c.relname) as object,
  'Rules run with the rights of the table''s owner, and change what a statement does unseen.' as detail,
  format('drop rule %I on %I.%I, and write a trigger that runs as its caller', w.rulename, n.nspname, c.relname) as fix
from pg_catalog.pg_rewrite w
join pg_catalog.pg_class c on c.oid = w.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  -- each view is one select rule of this name
  and w.rulename <> '_RETURN'
