-- How a transaction gets its tenant, and why SQL can't forge it. Run as rowhouse_owner.
--
-- The server opens a tenant's context with a secret that only it can work out; the registry keeps that secret's SHA-256.
-- enter() checks it and puts the context where the API role may read but not write:
--   * normally in `backtrace_functions`, a superuser-only setting that rowhouse_owner was granted (GRANT SET ON PARAMETER,
--     PostgreSQL 15). SET, set_config and a stacked statement in the API role get "permission denied to set parameter".
--   * where no superuser was there to grant it (most managed servers), in `app.context` with a MAC under a key that the API
--     role can't read, and current_tenant() checks the MAC at each call.
-- Both are transaction-local and go at COMMIT or ROLLBACK. Names are qualified rather than the functions' search_path set:
-- a SET clause costs 2 µs a call (threats.md, Sealed tenant context).
--
-- A context is `<tenant, 32 hex digits>,<principal, hex of UTF-8>,<membership role>,<grant>,<request id, hex>`; the last two may be
-- empty or missing. `backtrace_functions` takes letters, digits, _ and commas alone, hence the hex. The grant is the credential that the principal came by, as admit() knows it; empty for tokens that carry their own proof.

create table if not exists platform.context_key (
  only_row boolean primary key default true check (only_row),
  -- HMAC key blocks of RFC 2104, already padded: built-in sha256() is all that is needed to compute the MAC.
  ipad bytea not null check (length(ipad) = 64),
  opad bytea not null check (length(opad) = 64)
);
revoke all on platform.context_key from public;
insert into platform.context_key (ipad, opad)
  select decode(string_agg(lpad(to_hex(byte # 54), 2, '0'), '' order by n), 'hex'),
         decode(string_agg(lpad(to_hex(byte # 92), 2, '0'), '' order by n), 'hex')
  from (
    select n, get_byte(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), n % 32) as byte
    from generate_series(0, 31) n
    union all
    select n, 0 from generate_series(32, 63) n
  ) key_bytes
  on conflict do nothing;

-- Says why a context was refused. Apart from enter(), so that the usual path stays one look-up.
create or replace function platform.refuse_context(in_tenant_id uuid, in_epoch bigint, in_secret bytea) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  found_tenant platform.tenants;
begin
  select * into found_tenant from platform.tenants where id = in_tenant_id;
  if found_tenant.id is null then
    raise exception 'There is no such tenant' using errcode = 'RH102';
  elsif found_tenant.seal is distinct from sha256(in_secret) then
    raise exception 'The context''s seal does not verify' using errcode = 'RH301',
      hint = 'The server''s ROWHOUSE_SECRET is not the one that this tenant was made with. `rowhouse migrate` seals anew.';
  elsif found_tenant.arriving is not null then
    raise exception 'The tenant is arriving here' using errcode = 'RH701',
      detail = found_tenant.moved_to || ':' || found_tenant.epoch;
  elsif found_tenant.moved_to is not null then
    raise exception 'The tenant lives in the database %', found_tenant.moved_to using errcode = 'RH106',
      detail = found_tenant.moved_to || ':' || found_tenant.epoch;
  elsif found_tenant.status <> 'active' and session_user = 'rowhouse_api' then
    raise exception 'The tenant is suspended' using errcode = 'RH103';
  elsif found_tenant.epoch is distinct from in_epoch then
    raise exception 'The tenant''s placement has changed' using errcode = 'RH106', detail = found_tenant.epoch::text;
  elsif found_tenant.fence is not null then
    raise exception 'The tenant is being moved: writes wait' using errcode = 'RH700',
      hint = 'Reads go on. Write again in a moment.';
  end if;
  -- enter() looked a moment ago, and this looks again: the fence was lifted or the arrival ended in between.
  raise exception 'The tenant''s placement changes at this moment' using errcode = 'RH700', hint = 'Try again.';
end $$;

-- No context is an error and never an empty result. Apart, because an expression that raises is no expression of SQL.
create or replace function platform.refuse_missing() returns text
language plpgsql stable parallel safe as $$
begin
  raise exception 'A statement ran without a tenant''s context' using errcode = '42501',
    hint = 'Run it after platform.enter(), in the same transaction.';
end $$;

-- A fence that has lapsed is lifted by the first writer who meets it: from then on the mover's commit point finds no fence of its
-- own, whatever clocks do. Whoever comes second finds the fence standing until the first has committed, since that one may be
-- rolled back, and a clock set back would then let the commit point pass over the second's rows (found by the model of moves).
create or replace function platform.pass_fence(in_tenant_id uuid, in_fenced_until timestamptz) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if in_fenced_until > clock_timestamp() then
    return false;
  end if;
  update platform.tenants set fence = null, fenced_until = null
    where id = (select t.id from platform.tenants t where t.id = in_tenant_id and t.fenced_until <= clock_timestamp() for update skip locked);
  return found or exists (select from platform.tenants t where t.id = in_tenant_id and t.fence is null);
end $$;

-- REPEATABLE READ and SERIALIZABLE look at the registry as it was when they began, and not after the lock: such a writer would
-- pass a fence that was set in between. FOR SHARE turns that into 40001 (PostgreSQL manual, 13.2.2).
create or replace function platform.hold_tenant(in_tenant_id uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from platform.tenants t where t.id = in_tenant_id for share;
  return '';
end $$;

-- The only door. `in_context` is the context as above; a write takes the tenant's shared advisory lock first, so that a move
-- can fence it, and looks at the registry after that; a read becomes READ ONLY.
do $choose$
declare
  is_granted boolean := has_parameter_privilege('rowhouse_owner', 'backtrace_functions', 'set');
  put_context text := case when is_granted
    then $$pg_catalog.set_config('backtrace_functions', in_context, true)$$
    else $$pg_catalog.set_config('app.context', in_context operator(pg_catalog.||) '.' operator(pg_catalog.||)
      platform.context_mac(in_context), true)$$ end;
  -- A statement that SQL's PREPARE left in this session could stand in for one of the server's, and keep what it sees. Where
  -- the API role can't see the names, it can't guess them either (db/prepared.ts); elsewhere such a session is refused.
  check_session text := case when has_function_privilege('rowhouse_api', 'pg_catalog.pg_prepared_statement()', 'execute')
    then $$
      if exists (select from pg_catalog.pg_prepared_statement() p where p.from_sql) then
        raise exception 'The session has prepared statements of unknown origin' using errcode = 'RH301',
          hint = 'Use unnamed statements, or close the connection.';
      end if;$$ else '' end;
  -- Control-plane work (export, deletion) goes on while a tenant is suspended; requests don't.
  is_open text := $$t.id operator(pg_catalog.=) pg_catalog.left(in_context, 32)::pg_catalog.uuid
            and t.seal operator(pg_catalog.=) pg_catalog.sha256(in_secret)
            and t.epoch operator(pg_catalog.=) in_epoch
            and t.moved_to is null
            and (t.status operator(pg_catalog.=) 'active' or session_user operator(pg_catalog.<>) 'rowhouse_api')$$;
begin
  -- One query does all: what it sets is set for the row that passes, and no row passes unless the secret, the epoch and the
  -- status are right. Making its expressions ready takes longer than the look-up, in every transaction anew, and each function in them
  -- is a check of privileges: so reads have a query of their own, without what is for writes alone (backend, by callgrind, above what a
  -- call takes: 127k instructions with one query for both, 86k with two; 18.4).
  execute format($enter$
    create or replace function platform.enter(in_context text, in_secret bytea, in_epoch bigint, in_writes boolean) returns void
    language plpgsql volatile security definer as $$
    declare
      done pg_catalog.text;
    begin%1$s
      if in_writes then
        done := pg_catalog.pg_advisory_xact_lock_shared(7241, pg_catalog.uuid_hash(pg_catalog.left(in_context, 32)::pg_catalog.uuid));
        perform case when pg_catalog.current_setting('transaction_isolation') operator(pg_catalog.=) 'read committed' then ''
            else platform.hold_tenant(t.id) end, %2$s, pg_catalog.set_config('app.tenant_id', t.id::pg_catalog.text, true)
          from platform.tenants t
          where %3$s and (t.fenced_until is null or platform.pass_fence(t.id, t.fenced_until));
      else
        perform pg_catalog.set_config('transaction_read_only', 'on', true), %2$s,
            pg_catalog.set_config('app.tenant_id', t.id::pg_catalog.text, true)
          from platform.tenants t
          where %3$s;
      end if;
      if not found then
        perform platform.refuse_context(pg_catalog.left(in_context, 32)::pg_catalog.uuid, in_epoch, in_secret);
      elsif pg_catalog.split_part(in_context, ',', 4) operator(pg_catalog.<>) '' then
        done := platform.admit(in_context, in_writes); -- when the context stands: it reads the tenant's own tables
      end if;
    end $$ $enter$, check_session, put_context, is_open);

  -- Once more, by admit() alone: who the credential's holder is by now.
  execute format($put$
    create or replace function platform.put_context(in_context text) returns text
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return %s;
    end $$ $put$, put_context);

  if is_granted then
    -- In SQL and not definer's, so that the planner puts its one expression in the place of the call (inlining): a policy adds
    -- 4.3 µs of backend CPU to a read by key, and 5.2 µs as PL/pgSQL (18.4, medians of 15 rounds).
    create or replace function platform.get_context() returns text
    language sql stable parallel safe as $$
      select case when pg_catalog.current_setting('backtrace_functions') operator(pg_catalog.<>) ''
        then pg_catalog.current_setting('backtrace_functions') else platform.refuse_missing() end
    $$;

    create or replace function platform.current_tenant() returns uuid
    language sql stable parallel safe as $$
      select case when pg_catalog.current_setting('backtrace_functions') operator(pg_catalog.<>) ''
        then pg_catalog.left(pg_catalog.current_setting('backtrace_functions'), 32) else platform.refuse_missing() end::pg_catalog.uuid
    $$;
  else
    create or replace function platform.get_context() returns text
    language plpgsql stable security definer parallel restricted as $$
    declare
      sealed pg_catalog.text := pg_catalog.current_setting('app.context', true);
      context pg_catalog.text := pg_catalog.left(sealed, -65); -- a dot and the MAC's 64 digits
    begin
      if platform.context_mac(context) operator(pg_catalog.=) pg_catalog.right(sealed, 64) then
        return context;
      end if;
      return platform.refuse_missing();
    end $$;

    create or replace function platform.current_tenant() returns uuid
    language plpgsql stable security definer parallel restricted as $$
    begin
      return pg_catalog.left(platform.get_context(), 32)::pg_catalog.uuid;
    end $$;
  end if;
end $choose$;

-- Bound to the transaction, so that a MAC seen in one can't be replayed in a later one. Binary forms, since a session can set how
-- numbers and times are written: with extra_float_digits = -15, one second's text is that of many years.
create or replace function platform.context_mac(in_context text) returns text
language plpgsql stable security definer as $$
begin
  return (
    select pg_catalog.encode(pg_catalog.sha256(k.opad operator(pg_catalog.||) pg_catalog.sha256(k.ipad operator(pg_catalog.||)
      pg_catalog.timestamptz_send(pg_catalog.now()) operator(pg_catalog.||) pg_catalog.int4send(pg_catalog.pg_backend_pid())
        operator(pg_catalog.||) pg_catalog.convert_to(in_context, 'UTF8'))), 'hex')
    from platform.context_key k
  );
end $$;

/*
 * Whether the credential still holds, and whose it is by now: a session that was ended, a key that was revoked, a user who was
 * deactivated or got another role is refused, or changed, at the next request, whatever a token says and any server remembers. It
 * reads the tenant's tables as their owner, under the policies and in the context that enter() has just put in place.
 *   s<session, 32 hex digits>   k<SHA-256 of an API key, 64 hex digits>   i<impersonation, 32 hex digits>
 *   u<user, 32 hex digits>, whom another issuer's token speaks for
 * Of a session, as of a user, the user is the principal, which the context must name; keys and impersonations name theirs themselves.
 * Raises RH207 for one that is over, RH208 for a user who is not active, RH206 for a write by who may only read.
 */
create or replace function platform.admit(in_context text, in_writes boolean) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  in_tenant_id constant uuid := left(in_context, 32)::uuid;
  parts text[] := string_to_array(in_context, ',');
  kind constant text := left(parts[4], 1);
  credential constant text := substr(parts[4], 2);
  found_role text;
  principal text;
  is_active boolean := true;
  may_write boolean := true;
begin
  if kind = 's' then
    select u.role, u.id::text, u.is_active into found_role, principal, is_active
      from tenant.sessions s join tenant.users u on u.tenant_id = s.tenant_id and u.id = s.user_id
      where s.tenant_id = in_tenant_id and s.id = credential::uuid and s.revoked_at is null and s.expires_at > now()
        and encode(convert_to(s.user_id::text, 'UTF8'), 'hex') = parts[2];
  elsif kind = 'k' then
    select coalesce(k.role, 'service'), 'key:' || k.id into found_role, principal
      from tenant.api_keys k
      where k.tenant_id = in_tenant_id and k.hash = decode(credential, 'hex') and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now());
  elsif kind = 'u' then
    select u.role, u.id::text, u.is_active into found_role, principal, is_active
      from tenant.users u
      where u.tenant_id = in_tenant_id and u.id = credential::uuid and encode(convert_to(u.id::text, 'UTF8'), 'hex') = parts[2];
  elsif kind = 'i' then
    select i.role, 'operator:' || i.operator, i.writes into found_role, principal, may_write
      from tenant.impersonations i
      where i.tenant_id = in_tenant_id and i.id = credential::uuid and i.ended_at is null and i.expires_at > now();
  end if;
  if found_role is null then
    raise exception 'The sign-in or key is over' using errcode = 'RH207', hint = 'Sign in again, or use another key.';
  elsif is_active is not true then
    raise exception 'The user is not active' using errcode = 'RH208', hint = 'An administrator of the tenant can activate the user.';
  elsif may_write is not true and in_writes then
    raise exception 'This impersonation may only read' using errcode = 'RH206',
      hint = 'An operator can begin one that writes; the tenant sees either in its audit log.';
  end if;
  parts[2] := encode(convert_to(principal, 'UTF8'), 'hex');
  parts[3] := found_role;
  if array_to_string(parts, ',', '') <> in_context then
    perform platform.put_context(array_to_string(parts, ',', ''));
  end if;
  return '';
end $$;

-- The `sub` of the verified token.
create or replace function platform.current_principal() returns text
language plpgsql stable as $$
begin
  return pg_catalog.convert_from(pg_catalog.decode(pg_catalog.split_part(platform.get_context(), ',', 2), 'hex'), 'UTF8');
end $$;

-- The membership role of the verified token.
create or replace function platform.current_membership_role() returns text
language plpgsql stable as $$
begin
  return pg_catalog.split_part(platform.get_context(), ',', 3);
end $$;

-- By what credential the principal came, as admit() knows it; empty for tokens that carry their own proof.
create or replace function platform.current_grant() returns text
language plpgsql stable as $$
begin
  return pg_catalog.split_part(platform.get_context(), ',', 4);
end $$;

-- The request, for the audit trail; null outside of one.
create or replace function platform.current_request_id() returns text
language plpgsql stable as $$
begin
  return nullif(pg_catalog.convert_from(pg_catalog.decode(pg_catalog.split_part(platform.get_context(), ',', 5), 'hex'), 'UTF8'), '');
end $$;

-- Ends a statement, and with it the transaction, from inside generated SQL: one row wanted, several found (PGRST116).
create or replace function platform.refuse(in_code text, in_message text, in_detail text) returns boolean
language plpgsql volatile as $$
begin
  raise exception '%', in_message using errcode = in_code, detail = in_detail;
end $$;

revoke all on function platform.put_context(text), platform.admit(text, boolean), platform.current_grant(), platform.current_request_id(),
  platform.refuse_context(uuid, bigint, bytea), platform.pass_fence(uuid, timestamptz), platform.hold_tenant(uuid),
  platform.context_mac(text), platform.get_context(),
  platform.refuse_missing(), platform.enter(text, bytea, bigint, boolean), platform.current_tenant(), platform.current_principal(),
  platform.current_membership_role(), platform.refuse(text, text, text) from public;
grant execute on function platform.enter(text, bytea, bigint, boolean), platform.get_context(), platform.refuse_missing(),
  platform.current_tenant(), platform.current_principal(), platform.current_membership_role(), platform.current_grant(),
  platform.current_request_id(), platform.refuse(text, text, text)
  to rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer;
