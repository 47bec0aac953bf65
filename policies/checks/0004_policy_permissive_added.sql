-- title: A table has a permissive policy besides tenant_access
-- threat: D05 L06
select
  'warn' as level,
  format('%I.%I:%I', n.nspname, c.relname, p.polname) as key,
  format('policy %I on %I.%I', p.polname, n.nspname, c.relname) as object,
  'Permissive policies are joined by OR: only tenant_floor stands between this one and the other tenants.' as detail,
  format('Create it as restrictive: drop policy %I on %I.%I; create policy … as restrictive …', p.polname, n.nspname, c.relname) as fix
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and p.polpermissive
  and p.polname <> 'tenant_access'
