-- How a tenant changes its database without two of them ever taking its writes. Run as rowhouse_owner, in every database; each
-- function below is one round trip of the mover, because the tenant's writers wait in the meantime.
-- The other side of it is platform.enter() in context.sql; docs/explanations/move.md tells the whole.

-- Fences the tenant: waits for its running writes (no longer than `in_lock_timeout`: 55P03, and new ones queue behind the wait),
-- keeps new ones out for `in_fence_ms`, and leaves a watermark behind everything that was committed. Raises RH716 where the tenant
-- does not live, or is fenced by another run.
create or replace function platform.fence_tenant(in_tenant_id uuid, in_token uuid, in_fence_ms integer, in_lock_timeout text)
returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('lock_timeout', in_lock_timeout, true);
  perform pg_advisory_xact_lock(7241, uuid_hash(in_tenant_id));
  update platform.tenants set fence = in_token, fenced_until = clock_timestamp() + in_fence_ms * interval '1 millisecond'
    where id = in_tenant_id and moved_to is null and (fence is null or fence = in_token or fenced_until <= clock_timestamp());
  if not found then
    raise exception 'The tenant can''t be fenced here' using errcode = 'RH716',
      hint = 'It does not live in this database, or another run of a move has fenced it.';
  end if;
  insert into platform.move_watermarks (tenant_id, id) values (in_tenant_id, in_token);
end $$;

-- The tenant stays: lifts whatever fence there is, so that no commit point under it can pass any more. False where the tenant does
-- not live: then one has passed, and there is no way but forward.
create or replace function platform.keep_tenant(in_tenant_id uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update platform.tenants set fence = null, fenced_until = null where id = in_tenant_id and moved_to is null;
  return found;
end $$;

-- Lifts the fence, if it is this run's.
create or replace function platform.unfence_tenant(in_tenant_id uuid, in_token uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update platform.tenants set fence = null, fenced_until = null where id = in_tenant_id and fence = in_token
$$;

-- The commit point: the one statement by which a tenant stops living here. Returns the new epoch, or null when the fence is not
-- this run's any more or has lapsed: then nothing has changed. It asks for the time after it has the lock, which a writer who
-- came in after the deadline still holds.
create or replace function platform.release_tenant(in_tenant_id uuid, in_token uuid, in_database text) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  new_epoch bigint;
begin
  -- Whoever holds the lock now came in after the deadline: not worth a queue of writers behind us (55P03).
  perform set_config('lock_timeout', '50ms', true);
  -- A commit point that a crash takes back would leave two databases with the tenant.
  perform set_config('synchronous_commit', 'on', true);
  perform pg_advisory_xact_lock(7241, uuid_hash(in_tenant_id));
  update platform.tenants set moved_to = in_database, epoch = epoch + 1, fence = null, fenced_until = null, updated_at = now()
    where id = in_tenant_id and fence = in_token and fenced_until > clock_timestamp() and moved_to is null
    returning epoch into new_epoch;
  return new_epoch;
end $$;

-- The tenant lives here from now on. For whoever knows from its former database that it has left for here: the mover, or a
-- server that a stopped mover keeps waiting. Doing it again changes nothing. True when it lives here.
create or replace function platform.activate_tenant(in_tenant_id uuid, in_epoch bigint) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from platform.tenants where id = in_tenant_id and arriving is not null and epoch < in_epoch) then
    perform set_config('synchronous_commit', 'on', true);
    perform pg_advisory_xact_lock(7243, uuid_hash(in_tenant_id));
    update platform.tenants set moved_to = null, arriving = null, epoch = in_epoch, updated_at = now()
      where id = in_tenant_id and arriving is not null and epoch < in_epoch;
  end if;
  return exists (select from platform.tenants where id = in_tenant_id and moved_to is null and epoch >= in_epoch);
end $$;

-- The tenant will be filled here by this run, where no run fills it or one of those that this one takes over from. Waits until
-- the last transaction of those has ended.
create or replace function platform.begin_arrival(in_tenant_id uuid, in_former uuid[], in_token uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7243, uuid_hash(in_tenant_id));
  update platform.tenants set arriving = in_token
    where id = in_tenant_id and moved_to is not null and (arriving is null or arriving = in_token or arriving = any (in_former));
  return found;
end $$;

-- The move is given up, or is over.
create or replace function platform.end_arrival(in_tenant_id uuid, in_token uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7243, uuid_hash(in_tenant_id));
  update platform.tenants set arriving = null where id = in_tenant_id and arriving = in_token;
end $$;

-- The same where the row was made for this move: then the tenant was never here.
create or replace function platform.forget_arrival(in_tenant_id uuid, in_token uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from platform.tenants where id = in_tenant_id and arriving = in_token and moved_to is not null
$$;

-- Before any statement that deletes or loads rows on a move's target: nobody takes over or activates until the transaction ends.
-- Raises RH716 where this run is not the one that fills it.
create or replace function platform.hold_arrival(in_tenant_id uuid, in_token uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock_shared(7243, uuid_hash(in_tenant_id));
  perform from platform.tenants where id = in_tenant_id and arriving = in_token and moved_to is not null;
  if not found then
    raise exception 'This run of the move does not fill the tenant here' using errcode = 'RH716',
      hint = 'Another process has taken the move over, or the tenant lives here.';
  end if;
end $$;

-- How far each sequence of tenants' tables has counted: the last value that it has handed out, or the one before its first. Asked of
-- the sequence itself, since pg_sequences knows nothing of one that was restarted and not used since.
create or replace function platform.read_sequences() returns table (identifier text, reached numeric)
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  found_sequence record;
begin
  for found_sequence in
    select format('%I.%I', n.nspname, c.relname) as name, s.seqincrement
    from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in (select platform.tenant_schemas())
  loop
    identifier := found_sequence.name;
    execute format('select last_value::numeric - case when is_called then 0 else $1 end from %s', found_sequence.name)
      into reached using found_sequence.seqincrement;
    return next;
  end loop;
end $$;

-- Takes sequences on to where others are, and none back: other tenants draw from them, too, and may at this very moment. Between
-- a look and setval() they can't draw a thousand values; where less is to go, it is gone by drawing as they do. For a superuser:
-- nobody else may call setval().
create or replace function platform.raise_sequences(in_identifiers text[], in_reached numeric[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  behind record;
begin
  for behind in
    select s.seqrelid::regclass as name, wanted.reached, own.reached as from_here, s.seqincrement as step
    from platform.read_sequences() own
    join unnest(in_identifiers, in_reached) wanted (identifier, reached) using (identifier)
    join pg_sequence s on s.seqrelid = own.identifier::regclass
    where (wanted.reached - own.reached) * s.seqincrement > 0
  loop
    if (behind.reached - behind.from_here) / behind.step > 1000 then
      perform setval(behind.name, behind.reached::bigint);
    else
      loop
        exit when (behind.reached - nextval(behind.name)) * behind.step <= 0;
      end loop;
    end if;
  end loop;
end $$;

-- Stops the process that applies the tenant's changes at a barrier row, until the mover lets go of the lock: all before it is
-- committed and visible here, nothing after it. Fires for replicated rows only.
create or replace function platform.stop_at_barrier() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock_shared(7242, uuid_hash(new.id));
  return null;
end $$;
create or replace trigger stop_at_barrier after insert on platform.move_watermarks
  for each row when (new.is_barrier) execute function platform.stop_at_barrier();
alter table platform.move_watermarks enable replica trigger stop_at_barrier;

grant select, insert, update on platform.tenants to rowhouse_mover;
grant select, insert, delete on platform.domains, platform.token_secrets to rowhouse_mover;
do $$
begin
  if to_regclass('platform.issuers') is not null then
    grant select, insert, delete on platform.issuers to rowhouse_mover;
  end if;
end $$;
grant select, insert, delete on platform.move_watermarks to rowhouse_mover;

revoke all on function platform.fence_tenant(uuid, uuid, integer, text), platform.unfence_tenant(uuid, uuid), platform.keep_tenant(uuid),
  platform.release_tenant(uuid, uuid, text), platform.activate_tenant(uuid, bigint), platform.hold_arrival(uuid, uuid),
  platform.begin_arrival(uuid, uuid[], uuid), platform.end_arrival(uuid, uuid), platform.forget_arrival(uuid, uuid),
  platform.stop_at_barrier(), platform.read_sequences(), platform.raise_sequences(text[], numeric[]) from public;
grant execute on function platform.fence_tenant(uuid, uuid, integer, text), platform.unfence_tenant(uuid, uuid), platform.keep_tenant(uuid),
  platform.release_tenant(uuid, uuid, text), platform.activate_tenant(uuid, bigint), platform.hold_arrival(uuid, uuid),
  platform.begin_arrival(uuid, uuid[], uuid), platform.end_arrival(uuid, uuid), platform.forget_arrival(uuid, uuid),
  platform.lock_tenant(uuid), platform.act_as(text, text) to rowhouse_mover;
grant execute on function platform.activate_tenant(uuid, bigint) to rowhouse_platform;
