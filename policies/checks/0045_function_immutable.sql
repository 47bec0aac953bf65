-- title: A function that reads tenants' rows is declared immutable
-- threat: D17 D46
select
  'error' as level,
  format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as key,
  format('function %I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as object,
  format('It names %s. The planner may call it once and keep the answer in a plan, which the next tenant''s request then runs.', read.what) as detail,
  format('alter function %I.%I(%s) stable', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as fix
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
-- What a body of text names is not known to the catalog; a word that is a tenant's table or the context is taken for it.
cross join lateral (
  select pg_catalog.string_agg(distinct t.word, ', ') as what
  from (
    select c.relname::text as word
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v') and s.nspname in (select r.name from platform.schemas r union all select 'tenant')
      and (p.prosrc ~* ('\m(from|join|into|update)\s+(only\s+)?("?[[:alnum:]_]+"?\.)?"?' || pg_catalog.regexp_replace(c.relname, '([^[:alnum:]_])', '\\\1', 'g') || '"?(?![[:alnum:]_])')
        or exists (
          select from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = c.oid and d.deptype = 'n'))
    union all
    select f.word from (values ('current_tenant'), ('current_principal'), ('current_membership_role'), ('current_setting')) f (word)
    where p.prosrc ~* ('\m' || f.word || '\M')
  ) t
) read
where p.provolatile = 'i'
  and n.nspname in (select r.name from platform.schemas r union all select 'public')
  and read.what is not null
  and not exists (
    select from pg_catalog.pg_depend e
    where e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and e.objid = p.oid and e.deptype = 'e')
