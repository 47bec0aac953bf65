-- title: An object of Rowhouse or the app has another owner than rowhouse_owner
-- threat: D02 D21
select
  'error' as level,
  owned.object as key,
  owned.object as object,
  format('%s owns it%s.', o.rolname,
    case when o.rolsuper or o.rolbypassrls then ', who is above row-level security: through it, so is whoever may use it' else '' end) as detail,
  format('alter %s owner to rowhouse_owner', owned.object) as fix
from (
  select format('%s %I.%I', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
      when 'f' then 'foreign table' else 'table' end, n.nspname, c.relname), c.relowner
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse')) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    -- a trusted extension's objects are the superuser's
    and not exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e')
  union all
  select format('routine %s', p.oid::pg_catalog.regprocedure), p.proowner
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse'))
    and not exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e')
  union all
  select format('schema %I', n.nspname), n.nspowner
  from pg_catalog.pg_namespace n where n.nspname in (select s.name from platform.schemas s union all values ('tenant'), ('platform'), ('rowhouse'))
) owned (object, owner)
join pg_catalog.pg_roles o on o.oid = owned.owner
where o.rolname <> 'rowhouse_owner'
