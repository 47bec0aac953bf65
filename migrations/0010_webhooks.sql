-- Up Migration
-- Who is told of what happens to tenants, what happened, and which of it has arrived.

create table platform.webhooks (
  id              uuid        primary key default gen_random_uuid(),
  url             text        not null check (url ~ '^https?://' and length(url) <= 1000),
  description     text        check (length(description) between 1 and 500),
  -- Null: all of them, and those that come with a later version.
  events          text[]      check (cardinality(events) > 0),
  -- Kept as it is: each delivery is signed by it.
  secret          bytea       not null check (length(secret) between 24 and 64),
  -- The one before, which signs as well until then.
  former_secret   bytea       check (length(former_secret) between 24 and 64),
  former_until    timestamptz,
  is_active       boolean     not null default true,
  -- The first failure since the last success.
  failing_since   timestamptz,
  disabled_at     timestamptz,
  -- `operator`; `failing`: nothing arrived for days; `gone`: the receiver said so.
  disabled_reason text        check (disabled_reason in ('operator', 'failing', 'gone')),
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  check ((former_secret is null) = (former_until is null)),
  check (is_active = (disabled_at is null) and is_active = (disabled_reason is null))
);
comment on table platform.webhooks is 'Addresses that are told of what happens to tenants.';

create table platform.webhook_events (
  -- `webhook-id` of every delivery, by which receivers know one that they had.
  id         uuid        primary key default gen_random_uuid(),
  sequence   bigint      not null unique generated always as identity,
  type       text        not null check (type ~ '^[a-z_]+\.[a-z_]+$'),
  -- No foreign key: what is told outlives the tenant.
  tenant_id  uuid,
  -- What it is about, a tenant for most: events of one subject arrive in their order.
  subject    uuid        not null,
  payload    jsonb       not null check (jsonb_typeof(payload) = 'object'),
  created_at timestamptz not null default now()
);
create index webhook_events_created_at on platform.webhook_events (created_at);
comment on table platform.webhook_events is 'What happened, written in the transaction that did it (policies/webhooks.sql).';

create table platform.webhook_deliveries (
  id           uuid        primary key default gen_random_uuid(),
  webhook_id   uuid        not null references platform.webhooks (id) on delete cascade,
  event_id     uuid        not null references platform.webhook_events (id) on delete cascade,
  -- The event's.
  sequence     bigint      not null,
  subject      uuid        not null,
  -- A ping: tried once, and to a webhook that is off as well.
  is_test      boolean     not null default false,
  attempts     integer     not null default 0,
  -- While one is under way: when it is taken to have died.
  next_at      timestamptz not null default now(),
  tried_at     timestamptz,
  delivered_at timestamptz,
  -- Nobody tries any more.
  failed_at    timestamptz,
  -- Of the last answer, its status and how its body begins; why it counts as none.
  status       integer,
  response     text        check (length(response) <= 1000),
  error        text        check (length(error) <= 1000),
  unique (webhook_id, event_id),
  check (delivered_at is null or failed_at is null)
);
create index webhook_deliveries_event_id on platform.webhook_deliveries (event_id);
create index webhook_deliveries_sequence on platform.webhook_deliveries (webhook_id, sequence);
create index webhook_deliveries_due on platform.webhook_deliveries (webhook_id, next_at) where delivered_at is null and failed_at is null;
create index webhook_deliveries_subject on platform.webhook_deliveries (webhook_id, subject, sequence)
  where delivered_at is null and failed_at is null;
comment on table platform.webhook_deliveries is 'Which event is to go to which webhook, and what came of it.';

-- Down Migration
-- The triggers stand on tables that stay.
drop trigger if exists tell_change on platform.tenants;
drop trigger if exists tell_change on platform.domains;
drop trigger if exists tell_change on platform.demo_requests;
drop trigger if exists tell_change on tenant.subscription;
drop table platform.webhook_deliveries;
drop table platform.webhook_events;
drop table platform.webhooks;
