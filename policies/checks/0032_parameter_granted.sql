-- title: A role may set a parameter that is a superuser's
-- threat: D45 L45
select
  'error' as level,
  format('%s:%s', p.parname, coalesce(r.rolname, 'public')) as key,
  format('parameter %s', p.parname) as object,
  case p.parname
    when 'backtrace_functions' then format('It holds the tenant of a transaction: %s can name any.', coalesce(r.rolname, 'PUBLIC'))
    else format('%s has %s on it.', coalesce(r.rolname, 'PUBLIC'), a.privilege_type)
  end as detail,
  format('revoke all on parameter %s from %s', p.parname, coalesce(quote_ident(r.rolname), 'public')) as fix
from pg_catalog.pg_parameter_acl p
cross join lateral pg_catalog.aclexplode(p.paracl) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
-- the importer puts rows back without firing triggers (roles.sql)
where (p.parname <> 'session_replication_role' or r.rolname is distinct from 'rowhouse_importer' or a.privilege_type <> 'SET')
  and (a.grantee = 0 or r.rolname ~ '^rowhouse_(api|platform|exporter|importer)$'
    or (p.parname = 'backtrace_functions' and r.rolname <> 'rowhouse_owner' and not r.rolsuper))
