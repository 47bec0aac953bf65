-- What the control plane's role may do, and how servers hear of changes. Run as rowhouse_owner.

revoke all on all tables in schema platform from public, rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer;
grant select, insert, update, delete on platform.tenants, platform.domains, platform.token_secrets, platform.signing_keys to rowhouse_platform;
grant select, insert on platform.audit_events to rowhouse_platform; -- append-only
grant select on platform.platform_migrations, platform.app_migrations, platform.migration_checksums to rowhouse_platform;

-- Servers LISTEN on `rowhouse_tenants` and drop what they cached of the tenant; the payload is an id and nothing else (threats.md, D33).
create or replace function platform.notify_tenant() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
  perform pg_notify('rowhouse_tenants', coalesce(changed ->> 'tenant_id', changed ->> 'id'));
  return null;
end $$;

create or replace trigger notify_tenant after insert or update or delete on platform.tenants
  for each row execute function platform.notify_tenant();
create or replace trigger notify_tenant after insert or update or delete on platform.domains
  for each row execute function platform.notify_tenant();
create or replace trigger notify_tenant after insert or update or delete on platform.token_secrets
  for each row execute function platform.notify_tenant();

-- Who is at work, for the audit trail. Transaction-local; in a function because set_config is nobody else's to call.
create or replace function platform.act_as(in_actor text, in_request_id text default '') returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('rowhouse.actor', in_actor, true), set_config('rowhouse.request_id', in_request_id, true);
end $$;

-- Drains the tenant's running writes and keeps new ones waiting until the transaction ends: the other side of enter()'s lock.
create or replace function platform.lock_tenant(in_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7241, uuid_hash(in_tenant_id));
end $$;

-- Every change of the control plane leaves an audit event in the same transaction, whoever makes it and however. What each
-- change is called stands here; secrets and keys are left out of the details.
create or replace function platform.audit_change() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  was jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  now_is jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  changed jsonb := coalesce(now_is, was);
  action text := case tg_table_name || ' ' || lower(tg_op)
    when 'tenants insert' then 'tenant.created'
    when 'tenants delete' then 'tenant.deleted'
    when 'tenants update' then case
      when was ->> 'status' <> now_is ->> 'status' then
        case now_is ->> 'status' when 'active' then 'tenant.activated' when 'suspended' then 'tenant.suspended' else 'tenant.closed' end
      when was ->> 'slug' <> now_is ->> 'slug' or was ->> 'name' <> now_is ->> 'name' then 'tenant.renamed'
      when was ->> 'seal' <> now_is ->> 'seal' then 'tenant.sealed'
      else 'tenant.updated' end
    when 'domains insert' then 'domain.added'
    when 'domains delete' then 'domain.removed'
    when 'domains update' then case when was ->> 'verified_at' is null and now_is ->> 'verified_at' is not null
      then 'domain.verified' else 'domain.updated' end
    when 'token_secrets insert' then 'token_secret.set'
    when 'token_secrets update' then 'token_secret.set'
    when 'token_secrets delete' then 'token_secret.removed'
    when 'signing_keys insert' then 'signing_key.created'
    when 'signing_keys update' then 'signing_key.retired'
    when 'signing_keys delete' then 'signing_key.removed' end;
begin
  insert into platform.audit_events (action, actor, tenant_id, request_id, details)
  values (action,
    coalesce(nullif(current_setting('rowhouse.actor', true), ''), 'database:' || session_user),
    case tg_table_name when 'tenants' then changed ->> 'id' else changed ->> 'tenant_id' end::uuid,
    nullif(current_setting('rowhouse.request_id', true), ''),
    changed - 'seal' - 'secret' - 'private_jwk' - 'public_jwk' - 'challenge');
  return null;
end $$;

do $$
declare
  audited text;
begin
  foreach audited in array array['tenants', 'domains', 'token_secrets', 'signing_keys'] loop
    execute format('create or replace trigger audit_change after insert or update or delete on platform.%I
      for each row execute function platform.audit_change()', audited);
  end loop;
end $$;

revoke all on function platform.act_as(text, text), platform.lock_tenant(uuid), platform.audit_change(), platform.notify_tenant() from public;
grant execute on function platform.act_as(text, text), platform.lock_tenant(uuid) to rowhouse_platform, rowhouse_importer;
