-- What the control plane's role may do, and how servers hear of changes. Run as rowhouse_owner.

revoke all on all tables in schema platform from public, rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
grant select, insert, update, delete on platform.tenants, platform.domains, platform.token_secrets, platform.signing_keys,
  platform.databases, platform.moves, platform.move_resources, platform.sign_in_attempts, platform.outbox to rowhouse_platform;
-- Names are asked for late: a restore may bring a database to an older version, in which there are none of these tables.
do $$
declare
  name text;
begin
  foreach name in array array['plans', 'operators', 'operator_sessions', 'operator_links', 'idempotency_keys', 'tenant_profiles',
    'domain_cool_downs', 'demo_requests', 'issuers', 'webhooks', 'webhook_events', 'webhook_deliveries'] loop
    if to_regclass('platform.' || name) is not null then
      execute format('grant select, insert, update, delete on platform.%I to rowhouse_platform', name);
    end if;
  end loop;
  if to_regclass('platform.table_options') is not null then
    grant select on platform.table_options to rowhouse_platform; -- servers ask whether a table is for everybody
  end if;
  if to_regclass('platform.open_functions') is not null then
    grant select on platform.open_functions to rowhouse_platform;
    grant select, insert, update on platform.jobs to rowhouse_platform;
  end if;
end $$;
grant select, insert on platform.audit_events, platform.move_events to rowhouse_platform; -- append-only
grant select on platform.platform_migrations, platform.app_migrations, platform.migration_checksums, platform.schemas to rowhouse_platform;

-- Servers LISTEN on `rowhouse_tenants` and drop what they cached of the tenant; the payload is an id and nothing else (threats.md, D33).
create or replace function platform.notify_tenant() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
  -- A fence is of no interest to a cache.
  if tg_op = 'UPDATE' and changed - 'fence' - 'fenced_until' - 'updated_at' = to_jsonb(old) - 'fence' - 'fenced_until' - 'updated_at' then
    return null;
  end if;
  perform pg_notify('rowhouse_tenants', coalesce(changed ->> 'tenant_id', changed ->> 'id'));
  return null;
end $$;

create or replace trigger notify_tenant after insert or update or delete on platform.tenants
  for each row execute function platform.notify_tenant();
create or replace trigger notify_tenant after insert or update or delete on platform.domains
  for each row execute function platform.notify_tenant();
create or replace trigger notify_tenant after insert or update or delete on platform.token_secrets
  for each row execute function platform.notify_tenant();
do $$
begin
  if to_regclass('platform.issuers') is not null then
    create or replace trigger notify_tenant after insert or update or delete on platform.issuers
      for each row execute function platform.notify_tenant();
  end if;
end $$;

-- Servers LISTEN on `rowhouse_databases`, too: an address may have changed, or a tenant is about to arrive there, and the first of its
-- requests should find connections that are open.
create or replace function platform.notify_database() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_table_name = 'moves' then
    if new.state = 'ready' then
      perform pg_notify('rowhouse_databases', 'warm:' || new.to_database);
    end if;
  else
    perform pg_notify('rowhouse_databases', coalesce(new.name, old.name));
  end if;
  return null;
end $$;

create or replace trigger notify_database after insert or update or delete on platform.databases
  for each row execute function platform.notify_database();
create or replace trigger notify_database after update of state on platform.moves
  for each row execute function platform.notify_database();

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

-- A restore into a living tenant changes none of the control plane's rows; this is its trace in the audit trail, of the tenant whose
-- context it runs in and in the transaction that writes the rows.
create or replace function platform.record_restore(in_details jsonb) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into platform.audit_events (action, actor, tenant_id, details)
  values ('tenant.restored', coalesce(nullif(current_setting('rowhouse.actor', true), ''), 'database:' || session_user),
    platform.current_tenant(), in_details)
$$;

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
        case when was ->> 'status' = 'importing' then 'tenant.restored' else
        case now_is ->> 'status' when 'active' then 'tenant.activated' when 'suspended' then 'tenant.suspended' else 'tenant.closed' end end
      when was ->> 'slug' <> now_is ->> 'slug' or was ->> 'name' <> now_is ->> 'name' then 'tenant.renamed'
      when was ->> 'seal' <> now_is ->> 'seal' then 'tenant.sealed'
      when was ->> 'moved_to' is distinct from now_is ->> 'moved_to' then
        case when now_is ->> 'moved_to' is null then 'tenant.arrived' else 'tenant.moved' end
      else 'tenant.updated' end
    when 'databases insert' then 'database.added'
    when 'databases update' then 'database.updated'
    when 'databases delete' then 'database.removed'
    when 'moves insert' then 'move.started'
    when 'moves update' then 'move.' || (now_is ->> 'state')
    when 'domains insert' then 'domain.added'
    when 'domains delete' then 'domain.removed'
    when 'domains update' then case when was ->> 'verified_at' is null and now_is ->> 'verified_at' is not null
      then 'domain.verified' else 'domain.updated' end
    when 'token_secrets insert' then 'token_secret.set'
    when 'token_secrets update' then 'token_secret.set'
    when 'token_secrets delete' then 'token_secret.removed'
    when 'signing_keys insert' then 'signing_key.created'
    when 'signing_keys update' then 'signing_key.retired'
    when 'signing_keys delete' then 'signing_key.removed'
    when 'plans insert' then 'plan.created'
    when 'plans update' then 'plan.updated'
    when 'plans delete' then 'plan.removed'
    when 'operators insert' then 'operator.joined'
    when 'operators update' then case
      when was ->> 'is_active' <> now_is ->> 'is_active' then
        case when (now_is ->> 'is_active')::boolean then 'operator.activated' else 'operator.deactivated' end
      when was ->> 'last_sign_in_at' is distinct from now_is ->> 'last_sign_in_at' then 'operator.signed_in'
      else 'operator.updated' end
    when 'operators delete' then 'operator.removed'
    when 'operator_links insert' then 'operator.invited'
    when 'operator_links update' then 'operator.accepted'
    when 'operator_links delete' then 'operator.uninvited'
    when 'tenant_profiles insert' then 'tenant.described'
    when 'tenant_profiles update' then 'tenant.described'
    when 'tenant_profiles delete' then 'tenant.undescribed'
    when 'demo_requests insert' then 'demo.requested'
    when 'demo_requests update' then 'demo.' || (now_is ->> 'status')
    when 'demo_requests delete' then 'demo.removed'
    when 'issuers insert' then 'issuer.added'
    when 'issuers update' then 'issuer.updated'
    when 'issuers delete' then 'issuer.removed'
    when 'webhooks insert' then 'webhook.added'
    when 'webhooks update' then case
      when was ->> 'is_active' <> now_is ->> 'is_active' then
        case when (now_is ->> 'is_active')::boolean then 'webhook.activated' else 'webhook.disabled' end
      when was ->> 'secret' <> now_is ->> 'secret' then 'webhook.rotated'
      else 'webhook.updated' end
    when 'webhooks delete' then 'webhook.removed' end;
begin
  -- What a move does on its way is in platform.move_events; here stands what it came to.
  if (tg_table_name = 'moves' and tg_op = 'UPDATE' and (was ->> 'state' = now_is ->> 'state'
        or now_is ->> 'state' not in ('committed', 'done', 'aborted')))
    or (tg_table_name = 'tenants' and tg_op = 'UPDATE'
        and was - array['fence', 'fenced_until', 'arriving', 'updated_at'] = now_is - array['fence', 'fenced_until', 'arriving', 'updated_at'])
    or (tg_table_name = 'webhooks' and tg_op = 'UPDATE'
        and was - array['failing_since', 'updated_at'] = now_is - array['failing_since', 'updated_at']) then
    return null;
  end if;
  insert into platform.audit_events (action, actor, tenant_id, request_id, details)
  values (action,
    coalesce(nullif(current_setting('rowhouse.actor', true), ''), 'database:' || session_user),
    case tg_table_name when 'tenants' then changed ->> 'id' else changed ->> 'tenant_id' end::uuid,
    nullif(current_setting('rowhouse.request_id', true), ''),
    changed - array['seal', 'secret', 'private_jwk', 'public_jwk', 'challenge', 'secret_ref', 'token', 'arriving', 'fence', 'fenced_until',
      'hash', 'password', 'message', 'former_secret']
      -- What follows the host may be as good as a password.
      || case when tg_table_name = 'webhooks' then jsonb_build_object('url', substring(changed ->> 'url' from '^[^/]+//[^/?]+')) else '{}' end);
  return null;
end $$;

do $$
declare
  audited text;
begin
  foreach audited in array array['tenants', 'domains', 'token_secrets', 'signing_keys', 'databases', 'moves', 'plans', 'operators',
    'operator_links', 'tenant_profiles', 'demo_requests', 'issuers', 'webhooks'] loop
    if to_regclass('platform.' || audited) is not null then
      execute format('create or replace trigger audit_change after insert or update or delete on platform.%I
        for each row execute function platform.audit_change()', audited);
    end if;
  end loop;
end $$;

-- A custom domain that a tenant proved and gave up, or lost with its deletion, is kept from all others for a week: records that still
-- lead here, links and sessions of its users must not become somebody else's at once (threats.md, H10).
create or replace function platform.cool_domain() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into platform.domain_cool_downs as c (name, tenant_id, ends_at) values (old.name, old.tenant_id, now() + interval '7 days')
    on conflict (name) do update set tenant_id = excluded.tenant_id, ends_at = excluded.ends_at;
  return null;
end $$;
do $$
begin
  if to_regclass('platform.domain_cool_downs') is null then
    return;
  end if;
  create or replace trigger cool_domain after delete on platform.domains
    for each row when (old.kind = 'custom' and old.verified_at is not null) execute function platform.cool_domain();
end $$;

revoke all on function platform.act_as(text, text), platform.lock_tenant(uuid), platform.audit_change(), platform.notify_tenant(), platform.cool_domain(),
  platform.notify_database(), platform.record_restore(jsonb) from public;
grant execute on function platform.record_restore(jsonb) to rowhouse_importer;
grant execute on function platform.act_as(text, text), platform.lock_tenant(uuid) to rowhouse_platform, rowhouse_importer;
