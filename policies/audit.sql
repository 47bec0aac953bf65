-- Who and when: columns that the database fills, and an event for every change. Run as rowhouse_owner.

/*
 * Whether the triggers below are to do their work on what is being written. Not where rows are put back as they were, by a restore or
 * a move; and not for a tenant that is being deleted, whose events go with it. A request has to have its context still: where SQL may
 * set any setting it could take the context away within one statement, and its trail with it (the fallback of context.sql). A
 * superuser at work without a context is bound by no policy, and leaves no event. Requests are asked about first: each question is made
 * ready anew in every transaction.
 */
create or replace function platform.keeps_trail() returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if session_user = 'rowhouse_api' then
    return platform.current_tenant() is not null;
  elsif session_user in ('rowhouse_importer', 'rowhouse_mover') then
    return false;
  elsif session_user = 'rowhouse_platform' then
    return not exists (select from platform.tenants t where t.id = platform.current_tenant() and t.status = 'deleting');
  end if;
  return current_setting('backtrace_functions') <> '' or coalesce(current_setting('app.context', true), '') <> '';
end $$;

-- Fills created_at, created_by, updated_at and updated_by, whatever the statement says. The arguments are those of them that the table
-- has, and `uuid` where the names are of that type: then a principal that is none, as the control plane, leaves null. Definer's only
-- to call what requests may not; the row is all that it touches.
create or replace function platform.stamp_row() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  principal text;
begin
  if not platform.keeps_trail() then
    return new;
  end if;
  if 'updated_at' = any (tg_argv) then
    new.updated_at := now();
  end if;
  if 'created_at' = any (tg_argv) then
    if tg_op = 'INSERT' then
      new.created_at := now();
    else
      new.created_at := old.created_at;
    end if;
  end if;
  if 'created_by' = any (tg_argv) or 'updated_by' = any (tg_argv) then
    principal := platform.current_principal();
    if 'uuid' = any (tg_argv) and principal !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then
      principal := null;
    end if;
    if 'updated_by' = any (tg_argv) then
      new.updated_by := principal;
    end if;
    if 'created_by' = any (tg_argv) then
      if tg_op = 'INSERT' then
        new.created_by := principal;
      else
        new.created_by := old.created_by;
      end if;
    end if;
  end if;
  return new;
end $$;

/*
 * One event for each row that a statement changed: of an update the columns that differ. Once a statement and not once a row, and definer's,
 * because nobody may write events by hand: it runs as the owner of tenant.audit_events, under the same policies and in the same context
 * as the statement. Arguments, as arrays: columns of the primary key, columns that are kept out, and columns whose change alone is none.
 * A row whose key changed leaves two events, of the former key and of the new one. `n.*` and not `n`: a column of that name would be taken.
 * `offset 0` because a row is dear to write as jsonb, and would be written again wherever it is named.
 */
create or replace function platform.audit_rows() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  keys constant text[] := tg_argv[0];
  hidden constant text[] := tg_argv[1];
  quiet constant text[] := tg_argv[2];
  tenant uuid;
  member_role text;
  principal text;
  request text;
begin
  if not platform.keeps_trail() then
    return null;
  end if;
  tenant := platform.current_tenant();
  member_role := platform.current_membership_role();
  principal := platform.current_principal();
  request := platform.current_request_id();
  if tg_op = 'INSERT' then
    insert into tenant.audit_events (tenant_id, action, actor, role, schema_name, table_name, row_id, after, request_id)
      select tenant, tg_table_name || '.created', principal, member_role, tg_table_schema, tg_table_name,
        platform.key_text(r.j, keys), r.j - hidden, request
      from (select to_jsonb(n.*) as j from new_rows n offset 0) r;
  elsif tg_op = 'DELETE' then
    insert into tenant.audit_events (tenant_id, action, actor, role, schema_name, table_name, row_id, before, request_id)
      select tenant, tg_table_name || '.deleted', principal, member_role, tg_table_schema, tg_table_name,
        platform.key_text(r.j, keys), r.j - hidden, request
      from (select to_jsonb(o.*) as j from old_rows o offset 0) r;
  else
    insert into tenant.audit_events (tenant_id, action, actor, role, schema_name, table_name, row_id, before, after, request_id)
      select tenant, tg_table_name || '.updated', principal, member_role, tg_table_schema, tg_table_name,
        coalesce(was.key, became.key), case when became.key is null then was.j - hidden else d.before end,
        case when was.key is null then became.j - hidden else d.after end, request
      from (select platform.key_text(r.j, keys) as key, r.j from (select to_jsonb(o.*) as j from old_rows o offset 0) r) was
      full join (select platform.key_text(r.j, keys) as key, r.j from (select to_jsonb(n.*) as j from new_rows n offset 0) r) became
        on became.key = was.key
      left join lateral (
        select jsonb_object_agg(e.key, e.value) as before, jsonb_object_agg(e.key, became.j -> e.key) as after,
          bool_or(e.key <> all (quiet)) as is_told
        from jsonb_each(was.j) e where e.value is distinct from became.j -> e.key and e.key <> all (hidden)) d on became.key is not null
      where was.key is null or became.key is null or d.is_told;
  end if;
  return null;
end $$;

-- How events name a row of several key columns: a JSON array. Apart from key_text(), since the planner puts nothing in the place of a call
-- that has a query in it.
create or replace function platform.keys_text(in_row jsonb, in_keys text[]) returns text
language sql immutable parallel safe as $$
  select pg_catalog.jsonb_agg(in_row operator(pg_catalog.->) k.name order by k.position)::text
  from pg_catalog.unnest(in_keys) with ordinality k (name, position)
$$;

-- How events name a row: its key as text.
create or replace function platform.key_text(in_row jsonb, in_keys text[]) returns text
language sql immutable parallel safe as $$
  select case when pg_catalog.cardinality(in_keys) operator(pg_catalog.=) 1 then in_row operator(pg_catalog.->>) in_keys[1]
    else platform.keys_text(in_row, in_keys) end
$$;

-- No request may TRUNCATE; what may, an app's function that runs as its owner, leaves one event of all.
create or replace function platform.audit_truncate() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if platform.keeps_trail() then
    insert into tenant.audit_events (tenant_id, action, actor, role, schema_name, table_name, request_id)
      values (platform.current_tenant(), tg_table_name || '.truncated', platform.current_principal(), platform.current_membership_role(),
        tg_table_schema, tg_table_name, platform.current_request_id());
  end if;
  return null;
end $$;

-- What is no change of a row: a sign-in, a refusal, an export. For the control plane, in the tenant's context.
create or replace function platform.record_event(in_action text, in_details jsonb default null) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into tenant.audit_events (tenant_id, action, actor, role, request_id, details)
    values (platform.current_tenant(), in_action, platform.current_principal(), platform.current_membership_role(),
      platform.current_request_id(), in_details);
end $$;

-- Events are only ever added. The control plane's role may delete them because a tenant that is deleted takes them along; not before.
-- Not definer's: purge_audit() deletes as the owner.
create or replace function platform.keep_events() returns trigger
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  if current_user <> 'rowhouse_platform' then
    return null;
  end if;
  perform from platform.tenants t where t.id = platform.current_tenant() and t.status = 'deleting';
  if not found then
    raise exception 'Audit events are kept' using errcode = '42501',
      hint = 'platform.purge_audit() removes those that are older than the tenant''s plan keeps them.';
  end if;
  return null;
end $$;

-- Removes events that are older than the tenant's plan keeps them, in the tenant's context. Returns how many there were.
create or replace function platform.purge_audit() returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  days constant integer := platform.limit_of('audit_days');
  purged bigint;
begin
  delete from tenant.audit_events
    where tenant_id = platform.current_tenant() and at < now() - make_interval(days => days);
  get diagnostics purged = row_count;
  return purged;
end $$;

/*
 * The triggers that one table is to have, in the words in which PostgreSQL prints them back (15 to 18). None of the audit in a version
 * that has no tenant.audit_events. Sessions and links come and go all the time: what happens to them is recorded by name.
 */
create or replace function platform.history_triggers(in_table regclass) returns table (trigger_name name, definition text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  options constant jsonb := platform.options_of(in_table);
  in_tenant constant boolean := (select n.nspname = 'tenant' from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = in_table);
  keys constant text := (
    select array_agg(a.attname::text order by k.position)::text
    from pg_constraint c
    cross join unnest(c.conkey) with ordinality k (attnum, position)
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
    where c.conrelid = in_table and c.contype = 'p' and a.attname <> 'tenant_id');
  hidden constant text := (array['tenant_id'] || array_remove(array[platform.hidden_key(in_table)::text], null)
    || case when in_tenant then array['password', 'hash'] end)::text;
  quiet constant text := case when in_tenant then '{updated_at,updated_by,last_used_at,last_sign_in_at}' else '{updated_at,updated_by}' end;
  stamps text;
begin
  if in_table::text = 'tenant.audit_events' then
    trigger_name := 'rowhouse_keep';
    definition := 'BEFORE DELETE OR TRUNCATE ON tenant.audit_events FOR EACH STATEMENT EXECUTE FUNCTION platform.keep_events()';
    return next;
    return;
  end if;
  select string_agg(quote_literal(a.attname), ', ' order by a.attnum)
      || case when bool_or(a.atttypid = 'uuid'::regtype) then ', ''uuid''' else '' end
    into stamps
    from pg_attribute a
    where a.attrelid = in_table and not a.attisdropped and a.attgenerated = ''
      and (a.attname in ('created_at', 'updated_at') and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)
        or a.attname in ('created_by', 'updated_by') and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'uuid'::regtype));
  if stamps is not null and coalesce((options -> 'stamp')::boolean, true) then
    trigger_name := 'rowhouse_stamp';
    definition := format('BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION platform.stamp_row(%s)', in_table, stamps);
    return next;
  end if;
  if keys is null or to_regclass('tenant.audit_events') is null or platform.table_kind(in_table) = 'none' or in_table::text in ('tenant.sessions', 'tenant.one_time_links')
    or not coalesce((options -> 'audit')::boolean, true) then
    return;
  end if;
  return query
    select ('rowhouse_audit_' || lower(verb))::name,
      format('AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION platform.audit_rows(''%s'', ''%s'', ''%s'')', verb, in_table, tables,
        replace(keys, '''', ''''''), replace(hidden, '''', ''''''), quiet) -- a backslash stays one: it is never printed as E'…'
    from (values ('INSERT', 'REFERENCING NEW TABLE AS new_rows'), ('UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
      ('DELETE', 'REFERENCING OLD TABLE AS old_rows')) audited (verb, tables);
  trigger_name := 'rowhouse_audit_truncate';
  definition := format('AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION platform.audit_truncate()', in_table);
  return next;
end $$;

-- Puts a trigger in place, or takes it away when `in_definition` is null; takes no lock where it stands already.
create or replace function platform.set_trigger(in_table regclass, in_name name, in_definition text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  standing text := (
    select pg_get_triggerdef(t.oid) from pg_trigger t
    where t.tgrelid = in_table and t.tgname = in_name and not t.tgisinternal and t.tgenabled = 'O');
begin
  if standing is not distinct from format('CREATE TRIGGER %I %s', in_name, in_definition) then
    return;
  end if;
  execute format('drop trigger if exists %I on %s', in_name, in_table);
  if in_definition is not null then
    execute format('create trigger %I %s', in_name, in_definition);
  end if;
end $$;

-- Attaches to a table what it is to have, and takes the rest away. Partitions have the stamp from their parent, whose statements count.
create or replace function platform.protect_history(in_table regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  wanted record;
begin
  for wanted in
    select t.tgname as trigger_name, null::text as definition from pg_trigger t
      where t.tgrelid = in_table and not t.tgisinternal and t.tgname ~ '^rowhouse_(stamp|keep|audit_(insert|update|delete|truncate))$'
        and t.tgname not in (select h.trigger_name from platform.history_triggers(in_table) h)
    union all select * from platform.history_triggers(in_table)
  loop
    perform platform.set_trigger(in_table, wanted.trigger_name, wanted.definition);
  end loop;
end $$;

revoke all on function platform.keeps_trail(), platform.stamp_row(), platform.audit_rows(), platform.audit_truncate(), platform.keep_events(),
  platform.key_text(jsonb, text[]), platform.keys_text(jsonb, text[]), platform.record_event(text, jsonb), platform.purge_audit(),
  platform.history_triggers(regclass),
  platform.set_trigger(regclass, name, text), platform.protect_history(regclass) from public;
grant execute on function platform.record_event(text, jsonb), platform.purge_audit() to rowhouse_platform;
