-- title: A role that logs in may do more with a table than read and write rows
-- threat: D26 L13
select
  'error' as level,
  format('%I.%I:%s:%s', n.nspname, c.relname, coalesce(r.rolname, 'public'), lower(a.privilege_type)) as key,
  format('%I.%I', n.nspname, c.relname) as object,
  format('%s has %s, which row-level security does not govern.', coalesce(r.rolname, 'PUBLIC'), a.privilege_type) as detail,
  format('revoke %s on %I.%I from %s', lower(a.privilege_type), n.nspname, c.relname, coalesce(quote_ident(r.rolname), 'public')) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
-- read from the ACL, since has_table_privilege does not know MAINTAIN before PostgreSQL 17
cross join lateral pg_catalog.aclexplode(c.relacl) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')
  and (a.grantee = 0 or r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$')
