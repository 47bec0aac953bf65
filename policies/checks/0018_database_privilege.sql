-- title: A role that logs in may create schemas or temporary tables
-- threat: D34 L29
select
  'error' as level,
  format('%s:%s', r.rolname, wanted.privilege) as key,
  format('database %I', pg_catalog.current_database()) as object,
  format('%s has %s on it: what it creates can stand in for what is ours, in this session or for everyone.', r.rolname, upper(wanted.privilege)) as detail,
  format('revoke %s on database %I from public, %I', wanted.privilege, pg_catalog.current_database(), r.rolname) as fix
from pg_catalog.pg_roles r
cross join (values ('create'), ('temporary')) wanted (privilege)
where r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
  -- the importer stages its rows in temporary tables
  and not (r.rolname = 'rowhouse_importer' and wanted.privilege = 'temporary')
  and pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), wanted.privilege)
