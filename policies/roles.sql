-- The database roles, and what each may touch. Run by whoever DATABASE_URL names, before the migrations and again after
-- them; that user needs superuser, or CREATEROLE and the database. Everything here can be run again.
--
--   rowhouse_owner     owns every object, runs migrations. No login, no policy: what it runs by accident on tenant rows returns nothing.
--   rowhouse_api       requests. Owns nothing, member of nothing, under row-level security.
--   rowhouse_platform  the control plane's tables; tenant rows only by entering the tenant.
--   rowhouse_exporter  reads one entered tenant.   rowhouse_importer  restores rows of one entered tenant.
--   rowhouse_mover     moves a tenant between databases: replicates and copies rows past row-level security, and nothing else.
--                      No server process connects as it.

do $$
declare
  name text;
begin
  foreach name in array array['rowhouse_owner', 'rowhouse_api', 'rowhouse_platform', 'rowhouse_exporter', 'rowhouse_importer',
    'rowhouse_mover'] loop
    begin
      execute format('create role %I noinherit', name);
    exception when duplicate_object or unique_violation then
      null; -- another database of this cluster, or another process at this moment, made it
    end;
  end loop;
end $$;

-- Whoever runs this must be able to act as the owner, since SET ROLE is how migrations get theirs.
do $$
begin
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant rowhouse_owner to %I', current_user);
  end if;
end $$;

create schema if not exists platform authorization rowhouse_owner;
create schema if not exists tenant authorization rowhouse_owner;
create schema if not exists app authorization rowhouse_owner;

-- CREATE lets an app's migration install trusted extensions; TEMP is the importer's staging area and nobody else's (threats.md, D34).
do $$
begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover', current_database());
  execute format('grant create on database %I to rowhouse_owner', current_database());
  execute format('grant temporary on database %I to rowhouse_importer', current_database());
exception when insufficient_privilege then
  raise warning 'rowhouse: % may not change the grants of this database; run `rowhouse check` and have its owner do what it says', current_user;
end $$;

revoke all on schema public from public;
grant usage on schema platform, tenant, app to rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;

-- Functions are born executable by PUBLIC, and only the global form of the default takes that back (CREATE FUNCTION, Notes).
alter default privileges for role rowhouse_owner revoke execute on functions from public;

-- What no request may outlast. The server's own STATEMENT_TIMEOUT_MS can only be stricter.
do $$
begin
  alter role rowhouse_api set lock_timeout = '2s';
  alter role rowhouse_api set idle_in_transaction_session_timeout = '10s';
  -- Not settings that a session may loosen: a superuser's word is needed (threats.md, L39).
  if (select rolsuper from pg_roles where rolname = current_user) then
    alter role rowhouse_api set temp_file_limit = '256MB';
    alter role rowhouse_api set log_parameter_max_length = 0;
    alter role rowhouse_api set log_parameter_max_length_on_error = 0;
    alter role rowhouse_platform set log_parameter_max_length = 0;
    alter role rowhouse_exporter set log_parameter_max_length = 0;
    alter role rowhouse_importer set log_parameter_max_length = 0;
    -- The one setting of a stock server that a role can be allowed to set and others can't, and that takes any text:
    -- context.sql keeps the tenant's context in it.
    grant set on parameter backtrace_functions to rowhouse_owner;
    -- Only a superuser gives these; without them a database takes part in no move, as the move's preflight says.
    alter role rowhouse_mover replication bypassrls;
    grant set on parameter session_replication_role to rowhouse_mover; -- COPY without firing triggers a second time
    -- Rows of an archive are put back as they were: the app's triggers, which made them so, don't run on them once more. A restore
    -- checks the foreign keys itself (src/archive/foreign-key.ts). Row-level security holds all the same.
    grant set on parameter session_replication_role to rowhouse_importer;
    alter role rowhouse_mover set log_parameter_max_length = 0;
  end if;
end $$;

-- A tenant is exported, restored and moved for as long as that takes: a limit of the database or of the server is meant for requests.
-- What such a role is given in one database alone counts for more than this; statement_timeout and the limit of idleness in a
-- transaction its sessions lift even then (src/archive/session.ts, src/move/endpoint.ts). transaction_timeout is PostgreSQL 17's.
do $$
declare
  limited record;
begin
  for limited in
    select r.rolname, p.name
    from pg_catalog.pg_roles r
    cross join pg_catalog.pg_settings p
    where r.rolname in ('rowhouse_exporter', 'rowhouse_importer', 'rowhouse_mover')
      and p.name in ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout')
      and not exists (
        select from pg_catalog.pg_db_role_setting s
        where s.setrole = r.oid and s.setdatabase = 0 and s.setconfig @> array[p.name || '=0']
      )
  loop
    execute format('alter role %I set %I = 0', limited.rolname, limited.name);
  end loop;
end $$;

-- Built-ins that no request needs and that reach over the wall (threats.md, D13, D30, D32, D33, D35, D38). A managed server
-- refuses this to everyone; `rowhouse check` then says what stays open.
do $$
declare
  routine regprocedure;
begin
  if not (select rolsuper from pg_roles where rolname = current_user) then
    return;
  end if;
  for routine in
    select p.oid::regprocedure
    from pg_catalog.pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace
      and (p.proname in ('set_config', 'pg_notify', 'ts_stat', 'setval', 'pg_sleep', 'pg_sleep_for', 'pg_sleep_until',
             'pg_cancel_backend', 'pg_terminate_backend', 'pg_stat_get_activity', 'pg_lock_status', 'pg_logical_emit_message',
             'pg_export_snapshot', 'pg_current_logfile', 'loread', 'lowrite', 'pg_stat_get_backend_activity',
             'pg_prepared_statement', 'pg_cursor')
        or (p.proname = 'ts_rewrite' and p.pronargs = 2)
        or p.proname ~ '^(lo_|pg_(try_)?advisory_|query_to_xml|table_to_xml|cursor_to_xml|schema_to_xml|database_to_xml)')
      and pg_catalog.has_function_privilege('rowhouse_api', p.oid, 'execute')
  loop
    execute format('revoke execute on function %s from public', routine);
  end loop;
  revoke select on pg_catalog.pg_stat_activity, pg_catalog.pg_locks from public;
  -- Names of prepared statements are what db/prepared.ts makes unguessable (threats.md, D46).
  revoke select on pg_catalog.pg_prepared_statements, pg_catalog.pg_cursors from public;
  grant select on pg_catalog.pg_stat_activity, pg_catalog.pg_locks to pg_monitor;
  -- DO: loops and caught errors would turn an injection into a program.
  revoke usage on language plpgsql from public;
  grant usage on language plpgsql to rowhouse_owner;
  -- A subscription clears the search path by it when it connects (libpqwalreceiver), and connects as the mover.
  grant execute on function pg_catalog.set_config(text, text, boolean) to rowhouse_owner, rowhouse_mover;
  grant execute on function pg_catalog.pg_notify(text, text) to rowhouse_owner, rowhouse_platform;
  grant execute on function pg_catalog.pg_export_snapshot() to rowhouse_exporter;
  grant execute on function pg_catalog.pg_advisory_xact_lock_shared(integer, integer), pg_catalog.pg_advisory_xact_lock(integer, integer),
    pg_catalog.pg_try_advisory_lock(bigint), pg_catalog.pg_advisory_lock(bigint), pg_catalog.pg_try_advisory_xact_lock(bigint) to rowhouse_owner;
end $$;
