-- title: Requests may call a function that runs with other rights than theirs
-- threat: D21 L18
select
  case when o.rolsuper or o.rolbypassrls then 'error' else 'warn' end as level,
  p.oid::pg_catalog.regprocedure::text as key,
  format('function %s', p.oid::pg_catalog.regprocedure) as object,
  case
    when o.rolsuper or o.rolbypassrls then format('It runs as %s, who is above row-level security: what it reads is every tenant''s.', o.rolname)
    else format('It runs as %s. The policies bind that role too, and a mistake in it has all the rights that the role has.', o.rolname)
  end as detail,
  format('alter function %1$s security invoker, or revoke execute on function %1$s from public, rowhouse_api', p.oid::pg_catalog.regprocedure) as fix
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_roles o on o.oid = p.proowner
where p.prosecdef
  and n.nspname not in ('pg_catalog', 'information_schema')
  and not (n.nspname = 'platform' and p.proname in ('enter', 'get_context', 'current_tenant', 'app_schemas', 'set_request',
    'claim_idempotency_key', 'keep_answer', 'kept_answer', 'look_up_permission', 'was_given', 'allowed_verbs', 'limit_of'))
  and p.oid is distinct from pg_catalog.to_regprocedure('rowhouse.set_config(text, text, boolean)')
  and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype
  and pg_catalog.has_function_privilege('rowhouse_api', p.oid, 'execute')
  and pg_catalog.has_schema_privilege('rowhouse_api', n.oid, 'usage')
