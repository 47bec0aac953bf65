-- title: A trigger of stamps, audit or limits is missing, switched off or not the one that was released
-- threat: D40 H27
select
  'error' as level,
  format('%I.%I:%s', n.nspname, c.relname, m.trigger_name) as key,
  format('trigger %s on %I.%I', m.trigger_name, n.nspname, c.relname) as object,
  format('It is to be %s: without it changes leave no trace, or pass a limit.', m.definition) as detail,
  format('Run `rowhouse migrate`, or: drop trigger if exists %I on %I.%I; select platform.protect_table(%L)', m.trigger_name, n.nspname, c.relname,
    format('%I.%I', n.nspname, c.relname)) as fix
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
-- context_altered watches the text of this function
cross join lateral platform.missing_triggers(c.oid) m
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and c.relkind in ('r', 'p')
  and not exists (select from pg_catalog.pg_inherits i where i.inhrelid = c.oid)
  and exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = 'tenant_floor')
