-- What a membership role may do: one restrictive policy per table and verb, for requests alone. Run as rowhouse_owner.
--
-- A permission is a table and a verb. The built-in roles are fixed and decided without looking anything up; a tenant's own roles
-- and the scopes of API keys stand in the tenant's tables. A policy that does not allow raises, so that who is refused learns
-- which permission is missing, and nothing of any row. Names are those of 0005_members.sql, asked for late: a restore may bring a
-- database to an older version, in which there are none of these tables (migrateTo in src/db/migrate.ts).

-- What a table has been given besides the law that all tables have; see set_options().
create or replace function platform.options_of(in_table regclass) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if to_regclass('platform.table_options') is null then
    return '{}';
  end if;
  return coalesce((
    select o.options
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join platform.table_options o on o.schema_name = n.nspname and o.table_name = c.relname
    where c.oid = in_table), '{}');
end $$;

-- What a table is to the members of a tenant: `app`, the app's own, or `owned` when it has a created_by that Rowhouse fills (by one that
-- the app fills whoever may update a row could call it theirs); `members`, Rowhouse's own that every member may read; `users`, of which
-- everybody writes the row that is about them; `admins`, for owner and admin; `none`, for no request.
create or replace function platform.table_kind(in_table regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case
    when n.nspname <> 'tenant' then case when exists (select from pg_attribute a
      where a.attrelid = c.oid and a.attname = 'created_by' and not a.attisdropped
        and a.attgenerated = '' and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'uuid'::regtype))
      and coalesce((platform.options_of(c.oid) -> 'stamp')::boolean, true) then 'owned' else 'app' end
    when c.relname in ('settings', 'roles', 'permissions', 'locations', 'feature_flags', 'subscription') then 'members'
    when c.relname = 'users' then 'users'
    when c.relname in ('api_keys', 'sessions', 'one_time_links', 'impersonations', 'identities', 'audit_events') then 'admins'
    else 'none' end
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.oid = in_table
$$;

/*
 * Notes what a table is given by protect_table(); {} for nothing. Raises RH416 for an option that there is not.
 *   own_rows   "write": who is not owner, admin or manager changes and deletes only rows of their own (created_by), and "all": sees no
 *              others, too; a viewer goes on seeing all
 *   anonymous  verbs that requests without a token may use
 *   audit      false: changes leave no audit events
 *   stamp      false: created_at, created_by, updated_at and updated_by are the app's to fill
 */
create or replace function platform.set_options(in_table regclass, in_options jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  bad text;
begin
  select string_agg(o.key, ', ' order by o.key) into bad from jsonb_each(in_options) o
    where not case o.key
      when 'own_rows' then o.value in ('"write"', '"all"')
      when 'anonymous' then jsonb_typeof(o.value) = 'array' and o.value <@ '["select", "insert", "update", "delete"]'
      when 'audit' then jsonb_typeof(o.value) = 'boolean'
      when 'stamp' then jsonb_typeof(o.value) = 'boolean'
      else false end;
  if bad is not null then
    raise exception 'protect_table() takes no such option: %', bad using errcode = 'RH416',
      hint = '{"own_rows": "write" or "all", "anonymous": ["select", …], "audit": false, "stamp": false}';
  end if;
  insert into platform.table_options (schema_name, table_name, options)
    select n.nspname, c.relname, in_options
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = in_table
    on conflict (schema_name, table_name) do update set options = excluded.options;
  if in_options ? 'own_rows' and platform.table_kind(in_table) <> 'owned' then
    raise exception '% has no column created_by that Rowhouse fills, by which to tell own rows', in_table using errcode = 'RH416',
      hint = 'Add it: created_by text.';
  end if;
end $$;

/*
 * Lets requests without a token call a function of the app, or no longer. Its tables go on deciding what it reads and writes for whom: it is what
 * it does besides that nobody else looks at. For an app's migration. Raises RH416 for a function of another schema.
 */
create or replace function platform.open_function(in_function regprocedure, in_open boolean default true) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where p.oid = in_function and n.nspname in (select platform.app_schemas())) then
    raise exception '% is not a function of a schema of the app', in_function using errcode = 'RH416',
      hint = 'Register its schema: select platform.add_schema(…).';
  elsif in_open then
    insert into platform.open_functions (function) values (in_function::text) on conflict do nothing;
  else
    delete from platform.open_functions o where o.function = in_function::text;
  end if;
end $$;

-- What permissions and scopes call a table: `schema.table`; `table` alone where no schema that was registered before has one of
-- that name; and for the app's, `*`.
create or replace function platform.names_of(in_table regclass) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array_remove(array[
    n.nspname || '.' || c.relname,
    case when n.nspname <> 'tenant' and position('.' in c.relname) = 0 and in_table = (
      select to_regclass(format('%I.%I', s.name, c.relname)) from platform.app_schemas() with ordinality s (name, position)
      where to_regclass(format('%I.%I', s.name, c.relname)) is not null order by s.position limit 1) then c.relname end,
    case when n.nspname <> 'tenant' then '*' end], null)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.oid = in_table
$$;

-- What was given to whom the built-in roles do not decide for. Definer's, to read what the tenant and the table were given.
create or replace function platform.was_given(in_verb text, in_table regclass, in_kind text) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  member_role constant text := platform.current_membership_role();
  names constant text[] := platform.names_of(in_table);
  allowed boolean := false;
begin
  if member_role = 'anonymous' then
    -- Of the settings only the public ones: they have a policy of their own.
    allowed := case when in_kind in ('app', 'owned') then platform.options_of(in_table) -> 'anonymous' ? in_verb
      else names[1] = 'tenant.settings' and in_verb = 'select' end;
  elsif member_role = 'service' then
    allowed := (in_kind in ('app', 'owned') or in_kind in ('members', 'users') and in_verb = 'select') and exists (
      select from tenant.api_keys k cross join jsonb_each(k.scopes) s
      where k.tenant_id = platform.current_tenant() and 'k' || encode(k.hash, 'hex') = platform.current_grant()
        and s.key = any (names) and (s.value ? in_verb or s.value ? '*'));
  elsif in_kind in ('app', 'owned') then
    allowed := exists (
      select from tenant.permissions p
      where p.tenant_id = platform.current_tenant() and p.role = member_role
        and p.table_name = any (names) and p.verb in (in_verb, '*'));
  elsif in_kind in ('members', 'users') and (in_verb = 'select' or in_kind = 'users' and in_verb = 'update') then
    allowed := exists (select from tenant.roles r where r.tenant_id = platform.current_tenant() and r.name = member_role);
  end if;
  return allowed is true;
end $$;

-- The same, or the refusal: which permission is missing, and what to do about it. Raises RH206.
create or replace function platform.look_up_permission(in_verb text, in_table regclass, in_kind text) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  member_role constant text := platform.current_membership_role();
  table_name constant text := (platform.names_of(in_table))[1];
begin
  if platform.was_given(in_verb, in_table, in_kind) then
    return true;
  end if;
  raise exception 'The role % may not % %', member_role,
      case in_verb when 'select' then 'read' when 'insert' then 'insert into' when 'delete' then 'delete from' else in_verb end, table_name
    using errcode = 'RH206', detail = format('Missing permission: %s on %s', in_verb, table_name),
      hint = case
        when member_role = 'anonymous' then 'Sign in, or send a key.'
        when member_role = 'service' then 'A key with this scope can; scopes of a key are never changed.'
        when member_role in ('owner', 'admin', 'manager', 'member', 'viewer')
          or exists (select from tenant.roles r where r.tenant_id = platform.current_tenant() and r.name = member_role)
          then 'An administrator of the tenant can give it to the role, or give you another role.'
        else 'The tenant has no role of this name: owner, admin, manager, member, viewer, or one that it has made.' end;
end $$;

-- The current tenant, to who may do this, and the refusal to who may not. In SQL and not definer's, so that the planner puts it in the
-- place of the call: verb and kind are known then, and what is left for the built-in roles is one comparison. What each of them may do
-- is this table. A tenant and not a boolean, because PostgreSQL tests a policy without columns at each row that it finds: a refusal
-- would tell that there is one. `tenant_id = (select …)` becomes one of several values that have to be equal before anything is read
-- (One-Time Filter). has_permission() is the same for a description of what there is, which refuses nothing.
do $choose$
declare
  is_granted constant boolean := has_parameter_privilege('rowhouse_owner', 'backtrace_functions', 'set');
  -- As context.sql has it. Read here without the question whether there is one: no role is '', and look_up_permission() refuses that.
  context constant text := case when is_granted then $$pg_catalog.current_setting('backtrace_functions')$$ else 'platform.get_context()' end;
  is_built_in constant text := format($$pg_catalog.split_part(%s, ',', 3) operator(pg_catalog.=) any (case
      when in_verb operator(pg_catalog.=) 'select' and in_kind operator(pg_catalog.=) any ('{app,owned,members,users}'::pg_catalog.text[])
        or in_verb operator(pg_catalog.=) 'update' and in_kind operator(pg_catalog.=) 'users'
        then '{owner,admin,manager,member,viewer}'::pg_catalog.text[]
      when in_kind operator(pg_catalog.=) 'owned'
        or in_kind operator(pg_catalog.=) 'app' and in_verb operator(pg_catalog.<>) 'delete'
        then '{owner,admin,manager,member}'::pg_catalog.text[]
      when in_kind operator(pg_catalog.=) 'app' then '{owner,admin,manager}'::pg_catalog.text[]
      when in_kind operator(pg_catalog.=) any ('{members,users,admins}'::pg_catalog.text[]) then '{owner,admin}'::pg_catalog.text[]
      else '{}'::pg_catalog.text[] end)$$, context);
begin
  execute format($make$
    create or replace function platform.permitted_tenant(in_verb text, in_table regclass, in_kind text) returns uuid
    language sql stable parallel safe as $$
      select case when %s or platform.look_up_permission(in_verb, in_table, in_kind)
        then pg_catalog.left(%s, 32)::pg_catalog.uuid end
    $$ $make$, is_built_in, context);
  execute format($make$
    create or replace function platform.has_permission(in_verb text, in_table regclass, in_kind text) returns boolean
    language sql stable parallel safe as $$
      select case when %s
        then true else platform.was_given(in_verb, in_table, in_kind) end
    $$ $make$, is_built_in);
end $choose$;

/*
 * What the role of the context may do, for descriptions of the API: a JSON object of `schema.table` and its verbs, in which a view is
 * when every table that it shows may be read. What nobody's request may do at all is for the grants, and not left out here.
 */
create or replace function platform.allowed_verbs() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with recursive relations as materialized (
    select c.oid, n.nspname || '.' || c.relname as name, c.relkind = 'v' as is_view
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in (select platform.tenant_schemas()) and c.relkind in ('r', 'p', 'v') and not c.relispartition
  ),
  allowed as materialized (
    select t.oid, v.verb
    from (select r.oid, platform.table_kind(r.oid) as kind from relations r where not r.is_view offset 0) t
    cross join unnest('{select,insert,update,delete}'::text[]) v (verb)
    where platform.has_permission(v.verb, t.oid, t.kind)
  ),
  shown (view, base) as (
    select r.oid, d.refobjid
      from relations r join pg_rewrite w on w.ev_class = r.oid join pg_depend d on d.classid = 'pg_rewrite'::regclass
        and d.objid = w.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.oid
      where r.is_view
    union
    select s.view, d.refobjid
      from shown s join pg_rewrite w on w.ev_class = s.base join pg_depend d on d.classid = 'pg_rewrite'::regclass
        and d.objid = w.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> s.base
  ),
  of_views as (
    select r.oid, v.verb
    from relations r cross join unnest('{select,insert,update,delete}'::text[]) v (verb)
    where r.is_view
      and not exists (select from shown s join relations t on t.oid = s.base and not t.is_view
        where s.view = r.oid and not exists (select from allowed a where a.oid = t.oid and a.verb = 'select'))
      and (v.verb = 'select' or not exists (select from shown s join relations t on t.oid = s.base and not t.is_view where s.view = r.oid)
        or exists (select from shown s join allowed a on a.oid = s.base and a.verb = v.verb where s.view = r.oid))
  )
  select coalesce(json_object_agg(r.name, g.verbs order by r.name), '{}')::text
  from (select a.oid, json_agg(a.verb) as verbs from (select * from allowed union all select * from of_views) a group by a.oid) g
  join relations r on r.oid = g.oid
$$;

-- Deleted rows that are kept (`deleted=include`) are for who manages. Raises RH127.
create or replace function platform.require_deleted(in_deleted text) returns boolean
language plpgsql stable as $$
begin
  if platform.current_membership_role() in ('owner', 'admin', 'manager') then
    return true;
  end if;
  raise exception 'The parameter deleted=% is for the roles owner, admin and manager', in_deleted using errcode = 'RH127',
    hint = 'Leave it out to read the rows that are not deleted.';
end $$;

-- The policies that one table is to have: its name, the verb, and the test, in the words in which PostgreSQL prints it back (15 to 18), so
-- that what stands can be compared with it.
create or replace function platform.member_policies(in_table regclass) returns table (policy_name name, verb text, test text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  kind constant text := platform.table_kind(in_table);
  own_rows constant text := platform.options_of(in_table) ->> 'own_rows';
  role constant text := '( SELECT platform.current_membership_role() AS current_membership_role)';
  created_by constant text := (select case a.atttypid when 'text'::regtype then 'created_by' else '(created_by)::text' end
    from pg_attribute a where a.attrelid = in_table and a.attname = 'created_by' and not a.attisdropped);
  is_own constant text := '(%s = ( SELECT platform.current_principal() AS current_principal))';
begin
  foreach verb in array array['select', 'insert', 'update', 'delete'] loop
    policy_name := 'member_' || verb;
    test := format('(tenant_id = ( SELECT platform.permitted_tenant(%L::text, ''%s''::regclass, %L::text) AS permitted_tenant))', verb,
      replace(in_table::text, '''', ''''''), kind); -- a backslash stays one: it is never printed as E'…'
    return next;
    policy_name := 'own_rows_' || verb;
    if kind = 'owned' and own_rows is not null and (verb in ('update', 'delete') or own_rows = 'all' and verb = 'select') then
      test := format('(%s OR (%s = ANY (''%s''::text[])))', format(is_own, created_by), role,
        case verb when 'select' then '{owner,admin,manager,viewer}' else '{owner,admin,manager}' end);
      return next;
    elsif kind = 'owned' and verb = 'delete' then
      test := format('(%s OR (%s <> ''member''::text))', format(is_own, created_by), role);
      return next;
    elsif kind = 'users' and verb = 'update' then
      test := format('(%s OR (%s = ANY (''{owner,admin}''::text[])))', format(is_own, '(id)::text'), role);
      return next;
    elsif in_table::text = 'tenant.settings' and verb = 'select' then
      test := format('(is_public OR (%s <> ''anonymous''::text))', role);
      return next;
    end if;
  end loop;
end $$;

-- Those of them that do not stand as they are to. A partition is reached by way of the whole, whose policies count.
create or replace function platform.missing_policies(in_table regclass) returns table (policy_name name, verb text, test text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select m.* from platform.member_policies(in_table) m
  where not exists (
    select from pg_policy p
    where p.polrelid = in_table and p.polname = m.policy_name and not p.polpermissive
      and p.polroles = array[to_regrole('rowhouse_api')::oid]
      and p.polcmd = case m.verb when 'select' then 'r' when 'insert' then 'a' when 'update' then 'w' else 'd' end::"char"
      and pg_get_expr(p.polqual, p.polrelid) is not distinct from case when m.verb <> 'insert' then m.test end
      and pg_get_expr(p.polwithcheck, p.polrelid) is not distinct from case when m.verb in ('insert', 'update') then m.test end)
$$;

-- Puts them in place, and takes no lock where they stand.
create or replace function platform.protect_members(in_table regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  wanted record;
  stale name;
begin
  for stale in
    select p.polname from pg_policy p
    where p.polrelid = in_table and p.polname ~ '^(member|own_rows)_(select|insert|update|delete)$'
      and p.polname not in (select m.policy_name from platform.member_policies(in_table) m)
  loop
    execute format('drop policy %I on %s', stale, in_table);
  end loop;
  for wanted in select * from platform.missing_policies(in_table) loop
    execute format('drop policy if exists %I on %s', wanted.policy_name, in_table);
    execute format('create policy %I on %s as restrictive for %s to rowhouse_api %s', wanted.policy_name, in_table, wanted.verb,
      case wanted.verb
        when 'insert' then format('with check (%s)', wanted.test)
        when 'update' then format('using (%s) with check (%1$s)', wanted.test)
        else format('using (%s)', wanted.test) end);
  end loop;
end $$;

revoke all on function platform.table_kind(regclass), platform.options_of(regclass), platform.set_options(regclass, jsonb),
  platform.names_of(regclass), platform.look_up_permission(text, regclass, text), platform.permitted_tenant(text, regclass, text),
  platform.was_given(text, regclass, text), platform.has_permission(text, regclass, text), platform.allowed_verbs(), platform.require_deleted(text),
  platform.open_function(regprocedure, boolean),
  platform.member_policies(regclass), platform.missing_policies(regclass), platform.protect_members(regclass) from public;
grant execute on function platform.permitted_tenant(text, regclass, text), platform.look_up_permission(text, regclass, text),
  platform.was_given(text, regclass, text), platform.allowed_verbs(), platform.require_deleted(text) to rowhouse_api;
