-- Up Migration
-- What signing in needs besides the tenant's own rows: how often was tried, and the e-mails that are to go out.

create table platform.sign_in_attempts (
  -- SHA-256 of what is counted, an account of a tenant or an address: names and addresses of people are nobody's business here.
  subject   bytea       primary key check (length(subject) = 32),
  attempts  integer     not null check (attempts > 0),
  -- From then on it counts from one again.
  resets_at timestamptz not null
);
create index sign_in_attempts_resets_at on platform.sign_in_attempts (resets_at);
comment on table platform.sign_in_attempts is 'How often something was tried in its window of time, for all server processes together.';

create table platform.outbox (
  id         uuid        primary key default gen_random_uuid(),
  tenant_id  uuid        not null references platform.tenants (id) on delete cascade,
  kind       text        not null check (kind ~ '^[a-z][a-z_]{0,62}$'),
  to_address text        not null check (length(to_address) <= 254),
  subject    text        not null check (length(subject) <= 500),
  text       text        not null,
  html       text        not null,
  created_at timestamptz not null default now(),
  sent_at    timestamptz,
  attempts   integer     not null default 0,
  next_at    timestamptz not null default now(),
  -- A second one of the same key is not written: what is done again sends nothing again.
  dedupe_key text        not null unique check (length(dedupe_key) <= 200)
);
create index outbox_next_at on platform.outbox (next_at) where sent_at is null;
create index outbox_tenant_id on platform.outbox (tenant_id, created_at);
comment on table platform.outbox is 'E-mails, written in the transaction that they tell of, and sent later. Links in them open accounts.';

-- Down Migration
drop table platform.outbox;
drop table platform.sign_in_attempts;
