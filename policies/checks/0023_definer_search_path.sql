-- title: A security definer function looks names up where its caller says
-- threat: D21 L17
select
  'error' as level,
  p.oid::pg_catalog.regprocedure::text as key,
  format('function %s', p.oid::pg_catalog.regprocedure) as object,
  format('It runs as %s with the caller''s search_path.', pg_catalog.pg_get_userbyid(p.proowner)) as detail,
  format('alter function %s set search_path = pg_catalog, pg_temp', p.oid::pg_catalog.regprocedure) as fix
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prosecdef
  and n.nspname not in ('pg_catalog', 'information_schema')
  -- these are called in every statement and qualify each name instead; context_altered watches their text
  and not (n.nspname = 'platform' and p.proname in ('enter', 'get_context', 'current_tenant', 'context_mac', 'set_request'))
  and not exists (select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e')
  -- pg_temp last: where it is not named, it is searched first for tables and types (CVE-2019-10208)
  and not coalesce((select pg_catalog.bool_or(setting ~ '^search_path=.*\mpg_temp$') from pg_catalog.unnest(p.proconfig) setting), false)
