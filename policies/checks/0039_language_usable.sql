-- title: Requests may run anonymous code blocks
-- threat: D21 D37
select
  'warn' as level,
  l.lanname::text as key,
  format('language %I', l.lanname) as object,
  'DO runs loops and catches errors in the API role, which turns a small injection into a program.' as detail,
  format('revoke usage on language %1$I from public; grant usage on language %1$I to rowhouse_owner', l.lanname) as fix
from pg_catalog.pg_language l
where l.lanpltrusted
  and l.laninline <> 0
  and pg_catalog.has_language_privilege('rowhouse_api', l.oid, 'usage')
