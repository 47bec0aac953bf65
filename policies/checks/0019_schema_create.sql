-- title: A role that logs in may create objects in a schema
-- threat: D21 D34 L29
select
  'error' as level,
  format('%s:%s', n.nspname, r.rolname) as key,
  format('schema %I', n.nspname) as object,
  format('%s may create functions, operators and types in it, which take the place of ours where a name is not qualified.', r.rolname) as detail,
  format('revoke create on schema %I from public, %I', n.nspname, r.rolname) as fix
from pg_catalog.pg_namespace n
cross join pg_catalog.pg_roles r
where r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
  and n.nspname !~ '^pg_(toast|temp)'
  and pg_catalog.has_schema_privilege(r.oid, n.oid, 'create')
