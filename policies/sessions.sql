-- How sessions of requests begin in this database. Run by whoever DATABASE_URL names, last: to alter a role is not the owner's.

-- Statements of the server qualify every name; functions of the app may not, and were written for a search_path with their schema in
-- it. Nothing of ours depends on it, and rowhouse_api may create nothing in these schemas.
do $$
declare
  wanted text;
begin
  if to_regprocedure('platform.api_search_path()') is null then
    return; -- migrations are taken back before this version's law was ever applied
  end if;
  wanted := platform.api_search_path();
  if not exists (
    select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
    where d.datname = current_database() and s.setrole = 'rowhouse_api'::regrole and 'search_path=' || wanted = any (s.setconfig)
  ) then
    execute format('alter role rowhouse_api in database %I set search_path to %s', current_database(), wanted);
  end if;
exception when insufficient_privilege then
  raise warning 'rowhouse: % may not alter rowhouse_api; as a superuser: alter role rowhouse_api in database % set search_path to %',
    current_user, quote_ident(current_database()), wanted;
end $$;
