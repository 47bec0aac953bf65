-- Limits of the plan, held by the database. Run as rowhouse_owner.

-- The most of something that the tenant in context may have; null for no limit. What the subscription says counts first, so that a
-- tenant keeps its limits in a database that does not know its plan; then the plan; then the plan of those that have none.
create or replace function platform.limit_of(in_name text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with subscribed as (
    select s.limits, p.name as plan, p.limits as plan_limits
    from tenant.subscription s left join platform.plans p on p.name = s.plan
    where s.tenant_id = platform.current_tenant()
  )
  select (l.limits ->> in_name)::bigint
  from (
    select 1 as rank, limits from subscribed
    union all select 2, plan_limits from subscribed
    union all select 3, p.limits from platform.plans p where p.is_default and not exists (select from subscribed where plan is not null)
  ) l
  where l.limits ? in_name
  order by l.rank limit 1
$$;

/*
 * After a statement that may have added rows: counts them all, alone among the tenant's transactions, so that two at once can't both be
 * the last that fits. Arguments: the limit's name, and the test of the rows that count. Raises RH430. A restore puts back what was there.
 */
create or replace function platform.hold_limit() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  most bigint;
  present bigint;
begin
  if not platform.keeps_trail() then
    return null;
  end if;
  most := platform.limit_of(tg_argv[0]);
  if most is null then
    return null;
  elsif current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Rows that a plan limits are written in READ COMMITTED' using errcode = '0A000',
      hint = 'Any other isolation counts them as they were when the transaction began.';
  end if;
  perform pg_advisory_xact_lock(7245, uuid_hash(platform.current_tenant()));
  execute format('select count(*) from %I.%I where tenant_id = platform.current_tenant() and (%s)', tg_table_schema, tg_table_name, tg_argv[1])
    into present;
  if present > most then
    raise exception 'The plan allows % %', most, replace(tg_argv[0], '_', ' ') using errcode = 'RH430',
      detail = format('limit %s = %s', tg_argv[0], most),
      hint = 'An operator, or the tenant''s owner, can change the plan; an operator can raise the limit for this tenant.';
  end if;
  return null;
end $$;

-- A role is a built-in one, or one of the tenant's own.
create or replace function platform.check_role() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- One after the other: the planner asks current_tenant() for its estimates, and that raises without a context.
  if new.role is null or new.role in ('owner', 'admin', 'manager', 'member', 'viewer') or not platform.keeps_trail() then
    return new;
  end if;
  perform from tenant.roles r where r.tenant_id = platform.current_tenant() and r.name = new.role;
  if found then
    return new;
  end if;
  raise exception 'There is no role %', new.role using errcode = 'RH431',
    hint = 'owner, admin, manager, member, viewer, or one that the tenant has made.';
end $$;

-- The triggers that hold these, and those of members.sql, in the words in which PostgreSQL prints them back (15 to 18).
create or replace function platform.limit_triggers() returns table (table_name regclass, trigger_name name, definition text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  with held (name, columns, limit_name, test) as (values
    -- Who signed up by themselves has no seat before the address is confirmed: else strangers would take them all.
    ('tenant.users'::regclass, 'is_active, email_confirmed_at', 'users',
      'is_active and (email_confirmed_at is not null or not exists (select from tenant.credentials c where c.tenant_id = users.tenant_id and c.user_id = users.id))'),
    ('tenant.locations', 'is_active', 'locations', 'is_active'),
    ('tenant.api_keys', 'revoked_at, expires_at', 'api_keys', 'revoked_at is null and (expires_at is null or expires_at > now())'))
  select name, 'rowhouse_limit_insert',
    format('AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION platform.hold_limit(%L, %L)', name, limit_name, test)
    from held
  union all
  select name, 'rowhouse_limit_update',
    format('AFTER UPDATE OF %s ON %s FOR EACH STATEMENT EXECUTE FUNCTION platform.hold_limit(%L, %L)', columns, name, limit_name, test)
    from held
  union all
  select name, 'rowhouse_role', format('BEFORE INSERT OR UPDATE OF role ON %s FOR EACH ROW EXECUTE FUNCTION platform.check_role()', name)
    from (values ('tenant.users'::regclass), ('tenant.api_keys'), ('tenant.impersonations')) with_role (name)
  union all
  values
    ('tenant.users'::regclass, 'rowhouse_guard', 'BEFORE INSERT OR UPDATE ON tenant.users FOR EACH ROW EXECUTE FUNCTION platform.guard_user()'),
    ('tenant.users', 'rowhouse_owner_update', 'AFTER UPDATE ON tenant.users REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION platform.keep_owner()'),
    ('tenant.users', 'rowhouse_owner_delete', 'AFTER DELETE ON tenant.users REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION platform.keep_owner()'),
    ('tenant.roles', 'rowhouse_guard', 'BEFORE DELETE OR UPDATE OF name ON tenant.roles FOR EACH ROW EXECUTE FUNCTION platform.keep_role()')
$$;

-- Of these and of audit.sql's, those that do not stand as they are to.
create or replace function platform.missing_triggers(in_table regclass) returns table (trigger_name name, definition text)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select wanted.*
  from (
    select h.trigger_name, h.definition from platform.history_triggers(in_table) h
    union all select l.trigger_name, l.definition from platform.limit_triggers() l where l.table_name = in_table
  ) wanted
  where not exists (
    select from pg_trigger t
    where t.tgrelid = in_table and t.tgname = wanted.trigger_name and not t.tgisinternal and t.tgenabled = 'O'
      and pg_get_triggerdef(t.oid) = format('CREATE TRIGGER %I %s', wanted.trigger_name, wanted.definition))
$$;

do $$
declare
  held record;
begin
  for held in select * from platform.limit_triggers() loop
    perform platform.set_trigger(held.table_name, held.trigger_name, held.definition);
  end loop;
end $$;

revoke all on function platform.limit_of(text), platform.hold_limit(), platform.check_role(), platform.limit_triggers(),
  platform.missing_triggers(regclass) from public;
grant execute on function platform.limit_of(text) to rowhouse_api, rowhouse_platform;
