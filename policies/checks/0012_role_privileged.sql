-- title: A role of Rowhouse has an attribute that reaches beyond row-level security
-- threat: D03 L09 L10
select
  'error' as level,
  format('%s:%s', r.rolname, attribute.name) as key,
  format('role %s', r.rolname) as object,
  format('It has %s.', upper(attribute.name)) as detail,
  format('alter role %I no%s', r.rolname, attribute.name) as fix
from pg_catalog.pg_roles r
cross join lateral (values
  ('superuser', r.rolsuper), ('bypassrls', r.rolbypassrls), ('createrole', r.rolcreaterole),
  ('createdb', r.rolcreatedb), ('replication', r.rolreplication), ('inherit', r.rolinherit),
  -- the owner is for SET ROLE alone
  ('login', r.rolcanlogin and r.rolname = 'rowhouse_owner')
) attribute (name, is_set)
where r.rolname ~ '^rowhouse_(owner|api|platform|exporter|importer)$'
  and attribute.is_set
