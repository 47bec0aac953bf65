-- Idempotency-Key: the answer to a write is kept in the transaction of the write, so that a crash leaves both or neither. Run as
-- rowhouse_owner. Requests only read tables of tenant, hence definer's functions; each takes the tenant and the principal from the
-- context and never from its caller.

-- Once the owner had a policy of its own here; tenant_access is for it as well now. `drop policy if exists` would lock the table each time.
do $$
begin
  if exists (select from pg_catalog.pg_policy p
      where p.polrelid = to_regclass('tenant.idempotency_keys') and p.polname = 'owner_access') then
    drop policy owner_access on tenant.idempotency_keys;
  end if;
end $$;

/*
 * Before the write. Passes when the key is new; the lock keeps it so until the transaction ends. Raises RH123 while another transaction
 * has it, RH125 when it was used for another request, and RHRPL when its answer is kept: nothing may run a second time.
 */
create or replace function platform.claim_idempotency_key(in_key text, in_fingerprint bytea) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  in_tenant_id constant uuid := platform.current_tenant();
  in_principal constant text := platform.current_principal();
  kept bytea;
begin
  -- A hash stands for the key: of two that share one, the second of two that run at the same moment is told to come again.
  if not pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', in_tenant_id, in_key, in_principal), 7242)) then
    raise exception 'A request with this Idempotency-Key is still running' using errcode = 'RH123', hint = 'Ask again in a moment.';
  end if;
  select k.fingerprint into kept from tenant.idempotency_keys k
    where k.tenant_id = in_tenant_id and k.principal = in_principal and k.key = in_key and k.expires_at > now();
  if kept <> in_fingerprint then
    raise exception 'The Idempotency-Key was used for another request' using errcode = 'RH125',
      hint = 'Make a new key for each request, and send the same one only with the same request.';
  elsif found then
    raise exception 'The answer to this Idempotency-Key is kept' using errcode = 'RHRPL';
  end if;
  delete from tenant.idempotency_keys k
    where k.tenant_id = in_tenant_id and k.principal = in_principal and k.key = in_key;
  -- Whoever makes a key clears some that are over: more go than come.
  delete from tenant.idempotency_keys k where k.tenant_id = in_tenant_id and k.id in (
    select e.id from tenant.idempotency_keys e where e.tenant_id = in_tenant_id and e.expires_at <= now()
      order by e.expires_at limit 10 for update skip locked);
end $$;

-- After the write, in its statement. Raises RH112 when the answer is too large to be kept, which takes the write back.
create or replace function platform.keep_answer(in_key text, in_fingerprint bytea, in_answer json) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if octet_length(in_answer::text) > 262144 then
    raise exception 'The answer has more than 262144 bytes, which is the most that an Idempotency-Key keeps' using errcode = 'RH112',
      hint = 'Ask for less of it by select, or for none by Prefer: return=minimal.';
  end if;
  insert into tenant.idempotency_keys (tenant_id, principal, key, fingerprint, answer, response_headers, response_status)
    values (platform.current_tenant(), platform.current_principal(), in_key, in_fingerprint, in_answer::text,
      nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), ''));
end $$;

-- The answer that was kept, to the very request that had it.
create or replace function platform.kept_answer(in_key text, in_fingerprint bytea)
returns table (answer text, response_headers text, response_status text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select k.answer, k.response_headers, k.response_status from tenant.idempotency_keys k
    where k.tenant_id = platform.current_tenant() and k.principal = platform.current_principal() and k.key = in_key
      and k.fingerprint = in_fingerprint and k.expires_at > now();
end $$;

revoke all on function platform.claim_idempotency_key(text, bytea), platform.keep_answer(text, bytea, json),
  platform.kept_answer(text, bytea) from public;
grant execute on function platform.claim_idempotency_key(text, bytea), platform.keep_answer(text, bytea, json),
  platform.kept_answer(text, bytea) to rowhouse_api;
