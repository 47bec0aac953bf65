-- title: A role that logs in owns something
-- threat: D04 L12
select
  'error' as level,
  format('%s:%s', r.rolname, described.object) as key,
  described.object as object,
  format('%s owns it, and an owner can grant it, change it and switch its protection off.', r.rolname) as detail,
  format('reassign owned by %I to rowhouse_owner', r.rolname) as fix
from pg_catalog.pg_shdepend d
join pg_catalog.pg_roles r on r.oid = d.refobjid
cross join lateral (select pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) as object) described
where d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  and d.deptype = 'o'
  and d.dbid in (0, (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database()))
  and r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
