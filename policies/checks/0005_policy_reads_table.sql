-- title: A policy reads another table
-- threat: D41 L43
select distinct
  'warn' as level,
  format('%I.%I:%I', n.nspname, c.relname, p.polname) as key,
  format('policy %I on %I.%I', p.polname, n.nspname, c.relname) as object,
  format('It reads %s for each statement, as that table was when the statement began: a right that is being taken away still works.',
    d.refobjid::pg_catalog.regclass) as detail,
  'Put what the policy needs into the token, and compare with platform.current_principal() or current_membership_role().' as fix
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
  and d.objid = p.oid
  and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  and d.refobjid <> p.polrelid
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
