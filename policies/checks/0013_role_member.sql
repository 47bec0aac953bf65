-- title: A role that logs in is a member of another role
-- threat: D03 L11
select
  'error' as level,
  format('%s:%s', r.rolname, g.rolname) as key,
  format('role %s', r.rolname) as object,
  format('It is a member of %s, and has that role''s rights by SET ROLE.', g.rolname) as detail,
  format('revoke %I from %I', g.rolname, r.rolname) as fix
from pg_catalog.pg_auth_members m
join pg_catalog.pg_roles r on r.oid = m.member
join pg_catalog.pg_roles g on g.oid = m.roleid
where r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
