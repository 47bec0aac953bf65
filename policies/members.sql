-- Who may change members and roles, inside a tenant. Run as rowhouse_owner; limits.sql attaches these triggers.
--
-- That an administrator may update tenant.users and tenant.roles at all is for the policies of access.sql, and which columns for
-- open_table() of protect.sql. What a policy can't say, since it sees either the row before or the row after, stands here.

/*
 * Nobody raises anybody above themselves: only an owner makes, changes or deactivates an owner, and only owner and admin say who has
 * which role and who is active. Holds for requests and for what sign-in does in their name; the control plane works as an owner.
 * Who is deactivated is signed out, and the links that wait for them are gone. Raises RH206.
 */
create or replace function platform.guard_user() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  acting text;
  is_ranked boolean;
begin
  if not platform.keeps_trail() then
    return new;
  end if;
  acting := platform.current_membership_role();
  if tg_op = 'INSERT' then
    if new.role = 'owner' and acting <> 'owner' or new.role = 'admin' and acting not in ('owner', 'admin') then
      raise exception 'The role % may not make users of the role %', acting, new.role using errcode = 'RH206',
        hint = 'Nobody gives more than they have.';
    end if;
    return new;
  end if;
  is_ranked := new.role is distinct from old.role or new.is_active is distinct from old.is_active;
  if is_ranked and acting not in ('owner', 'admin') then
    raise exception 'The role % may not change the role of users, nor whether they are active', acting using errcode = 'RH206',
      detail = 'Missing permission: update of role and is_active on tenant.users', hint = 'An administrator of the tenant can.';
  elsif acting <> 'owner' and 'owner' in (old.role, new.role)
    and (is_ranked or session_user = 'rowhouse_api' and old.id::text <> platform.current_principal()) then
    raise exception 'The role % may not make or change owners', acting using errcode = 'RH206', hint = 'Another owner can.';
  end if;
  if old.is_active and not new.is_active then
    update tenant.sessions s set revoked_at = now()
      where s.tenant_id = platform.current_tenant() and s.user_id = old.id and s.revoked_at is null;
    -- A thief's change of the address would come back to life with the user.
    delete from tenant.one_time_links l
      where l.tenant_id = platform.current_tenant() and l.user_id = old.id and l.used_at is null;
  end if;
  return new;
end $$;

/*
 * A tenant does not lock itself out: of requests, none takes the last active owner away. Alone among the tenant's transactions, so that
 * two owners can't demote each other at the same moment. The operator can. Raises RH448.
 */
create or replace function platform.keep_owner() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if session_user <> 'rowhouse_api' then
    return null;
  elsif tg_op = 'UPDATE' then
    perform from old_rows o where o.role = 'owner' and o.is_active
      and not exists (select from new_rows n where n.id = o.id and n.role = 'owner' and n.is_active);
  else
    perform from old_rows o where o.role = 'owner' and o.is_active;
  end if;
  if not found then
    return null;
  elsif current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Owners are changed in READ COMMITTED' using errcode = '0A000',
      hint = 'Any other isolation sees them as they were when the transaction began.';
  end if;
  perform pg_advisory_xact_lock(7246, uuid_hash(platform.current_tenant()));
  perform from tenant.users u where u.tenant_id = platform.current_tenant() and u.role = 'owner' and u.is_active limit 1;
  if not found then
    raise exception 'It is the last active owner of the tenant' using errcode = 'RH448',
      hint = 'Make another user an owner first. The operator can change the last one.';
  end if;
  return null;
end $$;

-- A role that somebody has is neither removed nor called otherwise: its users would be left with nothing. Raises RH449.
create or replace function platform.keep_role() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  holders bigint;
begin
  if not platform.keeps_trail() or tg_op = 'UPDATE' and new.name = old.name then
    return case tg_op when 'DELETE' then old else new end;
  end if;
  select count(*) into holders from (
    select from tenant.users u where u.tenant_id = platform.current_tenant() and u.role = old.name
    union all
    select from tenant.api_keys k where k.tenant_id = platform.current_tenant() and k.role = old.name
      and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())) held;
  if holders > 0 then
    raise exception 'The role % is held by % of the tenant''s users and API keys', old.name, holders using errcode = 'RH449',
      hint = 'Give them another role first.';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$;

revoke all on function platform.guard_user(), platform.keep_owner(), platform.keep_role() from public;
