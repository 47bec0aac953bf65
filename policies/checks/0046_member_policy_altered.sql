-- title: A policy of what members may do is missing or not the one that protect_table makes
-- threat: D05 H16
select
  'error' as level,
  format('%I.%I:%s', n.nspname, c.relname, m.policy_name) as key,
  format('policy %s on %I.%I', m.policy_name, n.nspname, c.relname) as object,
  format('It is to say %s, as a restrictive policy for rowhouse_api: without it a membership role may do what it must not, in its own tenant.',
    m.test) as detail,
  format('select platform.protect_table(%L)', format('%I.%I', n.nspname, c.relname)) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
-- context_altered watches the text of this function
cross join lateral platform.missing_policies(c.oid) m
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and c.relkind in ('r', 'p')
  -- a partition is reached by way of the whole
  and not exists (select from pg_catalog.pg_inherits i where i.inhrelid = c.oid)
  -- one without any policy is for rls_disabled and policy_altered
  and exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = 'tenant_floor')
