-- title: What rowhouse_owner creates is open to others at birth
-- threat: D39 L30
select
  'error' as level,
  'functions' as key,
  'default privileges of rowhouse_owner' as object,
  'New functions are born executable by PUBLIC, and with that by requests.' as detail,
  'alter default privileges for role rowhouse_owner revoke execute on functions from public' as fix
from pg_catalog.pg_roles o
left join pg_catalog.pg_default_acl d on d.defaclrole = o.oid and d.defaclobjtype = 'f' and d.defaclnamespace = 0
where o.rolname = 'rowhouse_owner'
  and exists (
    select from pg_catalog.aclexplode(coalesce(d.defaclacl, pg_catalog.acldefault('f', o.oid))) a where a.grantee = 0
  )
union all
select
  'error',
  format('%s:%s:%s', d.defaclobjtype, coalesce(n.nspname, '*'), coalesce(r.rolname, 'public')),
  format('default privileges of %s', d.defaclrole::pg_catalog.regrole),
  format('New objects in %s are born with %s for %s.', coalesce(n.nspname, 'every schema'), a.privilege_type, coalesce(r.rolname, 'PUBLIC')),
  'Take it back with alter default privileges … revoke, and let protect_table grant.'
from pg_catalog.pg_default_acl d
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
cross join lateral pg_catalog.aclexplode(d.defaclacl) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
where (n.oid is null or n.nspname in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse')))
  and not (d.defaclobjtype = 'f' and n.oid is null)
  and (a.grantee = 0 or r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$')
