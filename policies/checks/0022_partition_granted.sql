-- title: A partition or child table can be reached directly
-- threat: D25 L14
select distinct
  'error' as level,
  format('%I.%I:%s', n.nspname, c.relname, coalesce(r.rolname, 'public')) as key,
  format('%I.%I', n.nspname, c.relname) as object,
  format('%s has rights on it: asked for by its own name, it obeys its own policies and not those of %s.',
    coalesce(r.rolname, 'PUBLIC'), i.inhparent::pg_catalog.regclass) as detail,
  format('revoke all on %I.%I from %s', n.nspname, c.relname, coalesce(quote_ident(r.rolname), 'public')) as fix
from pg_catalog.pg_inherits i
join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relkind in ('r', 'p', 'f')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select acl.grantee from pg_catalog.aclexplode(c.relacl) acl
  union all
  select acl.grantee from pg_catalog.pg_attribute t cross join lateral pg_catalog.aclexplode(t.attacl) acl where t.attrelid = c.oid
) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
where a.grantee = 0 or r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
