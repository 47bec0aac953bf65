-- title: PUBLIC has a right on something of Rowhouse or the app
-- threat: D39 L41
select
  'error' as level,
  format('%s:%s', granted.object, lower(a.privilege_type)) as key,
  granted.object as object,
  format('Every role that can connect has %s.', a.privilege_type) as detail,
  format('revoke all on %s from public', granted.object) as fix
from (
  select format('%s %I.%I', case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname), c.relacl
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse')) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all
  select format('routine %s', p.oid::pg_catalog.regprocedure), coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse'))
    -- a trusted extension's functions belong to the superuser, and nobody else can revoke them
    and not exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e')
  union all
  select format('schema %I', n.nspname), n.nspacl
  from pg_catalog.pg_namespace n where n.nspname in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse'))
) granted (object, acl)
cross join lateral pg_catalog.aclexplode(granted.acl) a
where a.grantee = 0
