-- title: An extension lets SQL out of its role or its database
-- threat: D37 D42 L32 L33
select
  case when known.is_risky then 'error' else 'info' end as level,
  e.extname::text as key,
  format('extension %I', e.extname) as object,
  case when known.is_risky then 'It opens connections or files, runs query text that it is given, or runs code that PostgreSQL does not confine.'
    else 'It is not on the list of those that were looked at.' end as detail,
  case when known.is_risky then format('drop extension %I', e.extname)
    else 'Look at what its functions may do, then suppress this finding.' end as fix
from pg_catalog.pg_extension e
cross join lateral (select
  e.extname in ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'xml2', 'tablefunc', 'refint', 'lo', 'pageinspect', 'pg_surgery',
    'pgrowlocks', 'pg_cron', 'http', 'pg_net')
  or exists (select from pg_catalog.pg_depend d
    join pg_catalog.pg_language l on l.oid = d.objid and not l.lanpltrusted
    where d.classid = 'pg_catalog.pg_language'::pg_catalog.regclass
      and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.refobjid = e.oid and d.deptype = 'e') as is_risky
) known
where e.extname not in ('plpgsql', 'btree_gin', 'btree_gist', 'citext', 'cube', 'earthdistance', 'fuzzystrmatch', 'hstore', 'intarray',
  'isn', 'ltree', 'moddatetime', 'pg_trgm', 'pgcrypto', 'seg', 'tsm_system_rows', 'tsm_system_time', 'unaccent', 'uuid-ossp', 'vector',
  'postgis', 'citus', 'pg_stat_statements', 'amcheck', 'pgstattuple', 'pg_buffercache', 'pg_visibility', 'pg_prewarm')
