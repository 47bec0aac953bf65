-- What webhooks are told of: events written in the transaction of the change, whoever makes it. Run as rowhouse_owner.
-- What each event carries is in docs/reference/platform-api.md.

-- RFC 3339, as the platform API writes times.
create or replace function platform.time_text(in_time timestamptz) returns text
language sql stable parallel safe as $$
  select pg_catalog.to_char(pg_catalog.timezone('utc', in_time), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- A tenant is there once a restore has filled it, and what is dropped while it was being filled has never been one. A deletion passes
-- through the status `deleting`, which nobody needs to hear of.
create or replace function platform.tell_tenant() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  tenant platform.tenants := case when tg_op = 'DELETE' then old else new end;
  facts jsonb := jsonb_build_object('tenantId', tenant.id, 'slug', tenant.slug, 'name', tenant.name, 'database', tenant.moved_to);
  told text[];
begin
  if tg_op = 'DELETE' then
    told := array[case when old.status <> 'importing' then 'tenant.deleted' end];
  elsif new.status in ('importing', 'deleting') then
    return null;
  elsif tg_op = 'INSERT' or old.status = 'importing' then
    told := array['tenant.created'];
  else
    told := array[
      case when old.status <> new.status then case new.status when 'active' then 'tenant.activated' else 'tenant.suspended' end end,
      case when old.slug <> new.slug or old.name <> new.name then 'tenant.renamed' end,
      case when old.moved_to is distinct from new.moved_to then 'tenant.moved' end];
    facts := facts || jsonb_build_object('before', jsonb_build_object('slug', old.slug, 'name', old.name, 'database', old.moved_to));
  end if;
  if tg_op <> 'DELETE' then
    facts := facts || jsonb_build_object('status', new.status);
  end if;
  insert into platform.webhook_events (type, tenant_id, subject, payload)
    select t.type, tenant.id, tenant.id,
      case when t.type in ('tenant.renamed', 'tenant.moved') then facts else facts - 'before' end
    from unnest(told) with ordinality t (type, position) where t.type is not null order by t.position;
  if tg_op = 'UPDATE' and old.status = 'importing' then
    insert into platform.webhook_events (type, tenant_id, subject, payload)
      select 'domain.added', tenant.id, tenant.id, platform.domain_facts(d) from platform.domains d where d.tenant_id = tenant.id order by d.name;
  end if;
  return null;
end $$;

create or replace function platform.domain_facts(in_domain platform.domains) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object('tenantId', in_domain.tenant_id, 'domain', in_domain.name, 'kind', in_domain.kind,
    'isPrimary', in_domain.is_primary, 'verifiedAt', platform.time_text(in_domain.verified_at))
$$;

-- Those of a tenant that is being filled are told of once it is whole (tell_tenant()).
create or replace function platform.tell_domain() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  domain platform.domains := case when tg_op = 'DELETE' then old else new end;
  told text[];
begin
  if exists (select from platform.tenants t where t.id = domain.tenant_id and t.status = 'importing') then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    told := array[
      case when old.verified_at is null and new.verified_at is not null then 'domain.verified' end,
      case when new.is_primary and not old.is_primary then 'domain.primary' end];
  else
    told := array[case tg_op when 'INSERT' then 'domain.added' else 'domain.removed' end];
  end if;
  insert into platform.webhook_events (type, tenant_id, subject, payload)
    select t.type, domain.tenant_id, domain.tenant_id, platform.domain_facts(domain)
    from unnest(told) with ordinality t (type, position) where t.type is not null order by t.position;
  return null;
end $$;

-- Without what was written to us, which is for the operators' eyes.
create or replace function platform.tell_demo_request() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'UPDATE' and old.status = new.status then
    return null;
  end if;
  insert into platform.webhook_events (type, tenant_id, subject, payload)
    values ('demo_request.' || case new.status when 'open' then 'created' else new.status end, new.tenant_id, new.id,
      jsonb_build_object('requestId', new.id, 'email', new.email, 'name', new.name, 'company', new.company, 'slug', new.slug,
        'industry', new.industry, 'size', new.size, 'locations', new.locations, 'tenantId', new.tenant_id));
  return null;
end $$;

-- Of a tenant's own row, in whatever database it lives. A restore and a move put it back as it was. Not definer's: who may write the row
-- may write events as well, and a request may do neither.
create or replace function platform.tell_subscription() returns trigger
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  if session_user in ('rowhouse_importer', 'rowhouse_mover')
    or tg_op = 'UPDATE' and to_jsonb(old) - 'updated_at' = to_jsonb(new) - 'updated_at' then
    return null;
  end if;
  insert into platform.webhook_events (type, tenant_id, subject, payload)
    values ('subscription.changed', new.tenant_id, new.tenant_id, jsonb_build_object('tenantId', new.tenant_id, 'plan', new.plan,
      'status', new.status, 'limits', new.limits, 'features', new.features, 'trialEndsAt', platform.time_text(new.trial_ends_at),
      'renewsAt', platform.time_text(new.renews_at)));
  return null;
end $$;

-- Which webhooks an event goes to is settled when it is written. Those that are off get it when they are on again. The lock has one that
-- is being deleted waited for: the change must not fail for it.
create or replace function platform.address_event() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into platform.webhook_deliveries (webhook_id, event_id, sequence, subject)
    select w.id, new.id, new.sequence, new.subject
    from (select h.id from platform.webhooks h where h.events is null or new.type = any (h.events) for key share) w;
  return null;
end $$;

revoke all on function platform.time_text(timestamptz), platform.domain_facts(platform.domains), platform.tell_tenant(), platform.tell_domain(), platform.tell_demo_request(),
  platform.tell_subscription(), platform.address_event() from public;
grant execute on function platform.time_text(timestamptz) to rowhouse_platform;

do $$
begin
  if to_regclass('platform.webhook_events') is null then
    return;
  end if;
  create or replace trigger tell_change after insert or update or delete on platform.tenants
    for each row execute function platform.tell_tenant();
  create or replace trigger tell_change after insert or update or delete on platform.domains
    for each row execute function platform.tell_domain();
  create or replace trigger tell_change after insert or update on platform.demo_requests
    for each row execute function platform.tell_demo_request();
  create or replace trigger tell_change after insert or update on tenant.subscription
    for each row execute function platform.tell_subscription();
  create or replace trigger address_event after insert on platform.webhook_events
    for each row when (new.type <> 'webhook.ping') execute function platform.address_event();
end $$;
