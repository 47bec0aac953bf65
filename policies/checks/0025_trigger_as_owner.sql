-- title: A trigger on a tenant's table runs with its owner's rights
-- threat: D40 L36
select
  'warn' as level,
  format('%I.%I:%I', n.nspname, c.relname, t.tgname) as key,
  format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname) as object,
  format('Its function %s is security definer and runs as %s whenever a request writes a row.',
    t.tgfoid::pg_catalog.regprocedure, pg_catalog.pg_get_userbyid(p.proowner)) as detail,
  format('alter function %s security invoker', t.tgfoid::pg_catalog.regprocedure) as fix
from pg_catalog.pg_trigger t
join pg_catalog.pg_proc p on p.oid = t.tgfoid
join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in (select s.name from platform.schemas s union all select 'tenant')
  and not t.tgisinternal
  -- Rowhouse's own, whose text context_altered watches
  and not (p.pronamespace = 'platform'::pg_catalog.regnamespace and pg_catalog.pg_get_userbyid(p.proowner) = 'rowhouse_owner'
    and p.proname in ('stamp_row', 'audit_rows', 'audit_truncate', 'hold_limit', 'check_role', 'guard_user', 'keep_owner', 'keep_role'))
  and p.prosecdef
