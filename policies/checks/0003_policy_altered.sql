-- title: A tenant policy is missing or not the one that protect_table makes
-- threat: D05 D06 D07 L05 L06 L07
select
  'error' as level,
  format('%I.%I:%s', n.nspname, c.relname, wanted.polname) as key,
  format('policy %s on %I.%I', wanted.polname, n.nspname, c.relname) as object,
  case
    when p.oid is null then 'The policy is missing.'
    else format('It says using %s with check %s.',
      pg_catalog.pg_get_expr(p.polqual, p.polrelid), coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), 'nothing'))
  end as detail,
  format('select platform.protect_table(%L)', format('%I.%I', n.nspname, c.relname)) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join (values ('tenant_floor'), ('tenant_access')) wanted (polname)
left join pg_catalog.pg_policy p on p.polrelid = c.oid and p.polname = wanted.polname
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and c.relkind in ('r', 'p')
  -- what an extension brings is every tenant's, as long as requests may only read it
  and (pg_catalog.has_any_column_privilege('rowhouse_api', c.oid, 'insert, update')
    or pg_catalog.has_table_privilege('rowhouse_api', c.oid, 'delete, truncate')
    or not exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'))
  -- written out, rather than asked of platform.has_tenant_policies: whoever changes a policy may have changed that too
  and not coalesce(
    p.polcmd = '*'
    and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = ( SELECT platform.current_tenant() AS current_tenant))'
    and pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) = pg_catalog.pg_get_expr(p.polqual, p.polrelid)
    and case wanted.polname
      when 'tenant_floor' then not p.polpermissive and p.polroles = array[0::oid]
      else p.polpermissive and array(select pg_catalog.unnest(p.polroles) order by 1) = array(
        select r.oid from pg_catalog.pg_roles r
        where r.rolname in ('rowhouse_api', 'rowhouse_platform', 'rowhouse_exporter', 'rowhouse_importer')
          -- what Rowhouse keeps per tenant is read and written by functions of its owner, in the tenant's context
          or (n.nspname = 'tenant' and r.rolname = 'rowhouse_owner') order by 1)
    end, false)
