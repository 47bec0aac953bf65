-- Which schemas hold the app's tables: platform.schemas, and who may look names up in them. Run as rowhouse_owner.

-- Every registered schema, served or not, in their order. A database that a restore brings to an older version has no such table
-- (migrateTo in src/db/migrate.ts), and knew one schema. Definer's, because requests have no right on any table of the platform.
create or replace function platform.app_schemas() returns setof name
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if to_regclass('platform.schemas') is null then
    return next 'app';
  else
    return query select s.name from platform.schemas s order by s.position, s.name;
  end if;
end $$;

-- The schemas whose tables hold rows of tenants: what Rowhouse keeps for each of them, then the app's.
create or replace function platform.tenant_schemas() returns setof name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return next 'tenant';
  return query select platform.app_schemas();
end $$;

-- What rowhouse_api's sessions begin with: functions of the app may name its tables without their schema. Where set_config() is taken
-- from them, that of request.sql stands in its place.
create or replace function platform.api_search_path() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case when has_function_privilege('rowhouse_api', 'pg_catalog.set_config(text, text, boolean)', 'execute') then ''
      else 'rowhouse, pg_catalog, ' end || string_agg(quote_ident(s.name), ', ' order by s.ord)
  from (
    select name, ord from platform.app_schemas() with ordinality registered (name, ord)
    union all
    select 'public', null where 'public' not in (select platform.app_schemas())
  ) s
$$;

-- Gives a schema to rowhouse_owner: as that role, and where it may not, as the user of the connection. Raises RH416.
create or replace function platform.own_schema(in_schema name) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  former_role constant text := current_setting('role');
  former_owner name := (select pg_get_userbyid(nspowner) from pg_namespace where nspname = in_schema);
begin
  if former_owner = 'rowhouse_owner' then
    return;
  end if;
  begin
    if former_role <> 'none' then
      execute 'set local role none';
    end if;
    execute format('alter schema %I owner to rowhouse_owner', in_schema);
    execute format('set local role %I', former_role);
  exception when insufficient_privilege then
    raise exception 'The schema % belongs to %, and % may not change that', quote_ident(in_schema), former_owner, session_user
      using errcode = 'RH416',
        hint = format('As a superuser: alter schema %I owner to rowhouse_owner', in_schema);
  end;
end $$;

-- Who may look names up in a schema of the app, as roles.sql has it for `app`. Creating objects there is rowhouse_owner's alone.
create or replace function platform.open_schema(in_schema name) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform platform.own_schema(in_schema);
  execute format('revoke all on schema %I from public', in_schema);
  execute format('revoke create on schema %I from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover', in_schema);
  execute format('grant usage on schema %I to rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover', in_schema);
end $$;

/*
 * Registers a schema of the app: from then on every table in it has to be protected, and requests find them when it is served. For
 * an app's migration, which makes the schema; doing it again changes whether it is served. The server's sessions look unqualified
 * names up there from the next migrate on.
 * Raises RH416 where there is no such schema, its name is the system's or has a dot, or it can't become rowhouse_owner's.
 */
create or replace function platform.add_schema(in_schema name, in_served boolean default true) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  if in_schema ~ '[.[:cntrl:]]' then
    raise exception 'The schema % has a dot or a control character in its name', quote_ident(in_schema) using errcode = 'RH416',
      hint = 'Archives and commands name tables as schema.table. Rename it: alter schema … rename to …';
  elsif in_schema ~ '^pg_' or in_schema in ('information_schema', 'platform', 'rowhouse', 'tenant', '') then
    raise exception 'The schema % is not an app''s', quote_ident(in_schema) using errcode = 'RH416',
      hint = 'Register the schema that the app''s own tables are in.';
  elsif to_regnamespace(quote_ident(in_schema)) is null then
    raise exception 'There is no schema %', quote_ident(in_schema) using errcode = 'RH416',
      hint = format('Make it first: create schema %I', in_schema);
  end if;
  perform platform.open_schema(in_schema);
  insert into platform.schemas (name, served) values (in_schema, in_served)
    on conflict (name) do update set served = excluded.served where schemas.served <> excluded.served;
end $$;

-- Takes a schema out of the law, and requests' right to look into it. Raises RH416 while there is a protected table in it.
create or replace function platform.remove_schema(in_schema name) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  still_there text;
begin
  select string_agg(format('%I.%I', n.nspname, c.relname), ', ' order by c.relname) into still_there
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = in_schema and c.relkind in ('r', 'p')
      and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant_floor');
  if in_schema = 'app' then
    raise exception 'The schema app stays registered' using errcode = 'RH416', hint = 'Where it is empty, it is not served.';
  elsif still_there is not null then
    raise exception 'There are tenants'' tables in the schema %: %', quote_ident(in_schema), still_there using errcode = 'RH416',
      hint = 'Drop them, or move them to another schema that is registered.';
  end if;
  delete from platform.schemas where name = in_schema;
  if found and to_regnamespace(quote_ident(in_schema)) is not null then
    execute format('revoke all on schema %I from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover', in_schema);
  end if;
end $$;

-- Brings every registered schema under today's law.
do $$
declare
  registered name;
begin
  for registered in select s from platform.app_schemas() s join pg_namespace n on n.nspname = s loop
    perform platform.open_schema(registered);
  end loop;
end $$;

revoke all on function platform.app_schemas(), platform.tenant_schemas(), platform.api_search_path(), platform.own_schema(name),
  platform.open_schema(name), platform.add_schema(name, boolean), platform.remove_schema(name) from public;
-- No secret is in the names of schemas. Whoever reads or writes tenants' rows asks which tables there are.
grant execute on function platform.app_schemas(), platform.tenant_schemas()
  to rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
