-- title: Requests may read or set a sequence
-- threat: D36 L26
select
  'warn' as level,
  format('%I.%I:%s:%s', n.nspname, c.relname, coalesce(r.rolname, 'public'), lower(a.privilege_type)) as key,
  format('sequence %I.%I', n.nspname, c.relname) as object,
  format('%s has %s: the last value tells what all tenants together have inserted.', coalesce(r.rolname, 'PUBLIC'), a.privilege_type) as detail,
  format('revoke all on sequence %1$I.%2$I from public, %3$s; grant usage on sequence %1$I.%2$I to %3$s', n.nspname, c.relname, coalesce(quote_ident(r.rolname), 'rowhouse_api')) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral pg_catalog.aclexplode(c.relacl) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
where c.relkind = 'S'
  and n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and a.privilege_type in ('SELECT', 'UPDATE')
  and (a.grantee = 0 or r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$')
