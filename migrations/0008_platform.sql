-- Up Migration
-- Those who run the deployment: operators and how they sign in, and what they keep about the tenants.

create table platform.operators (
  id              uuid        primary key default gen_random_uuid(),
  email           text        not null unique check (email = lower(email) and length(email) <= 254),
  name            text        check (length(name) between 1 and 200),
  -- What each role may do: src/auth/operator-permissions.ts.
  role            text        not null check (role in ('owner', 'support', 'billing', 'read-only')),
  is_active       boolean     not null default true,
  -- PHC string, as of tenants' users.
  password        text        not null check (password ~ '^\$'),
  last_sign_in_at timestamptz,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now()
);
comment on table platform.operators is 'People who run the deployment. No tenant can see them.';

create table platform.operator_sessions (
  id          uuid        primary key default gen_random_uuid(),
  operator_id uuid        not null references platform.operators (id) on delete cascade,
  -- SHA-256 of the token, which is shown once.
  hash        bytea       not null unique check (length(hash) = 32),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  revoked_at  timestamptz,
  address     inet,
  user_agent  text        check (length(user_agent) <= 500)
);
create index operator_sessions_operator_id on platform.operator_sessions (operator_id);

create table platform.operator_links (
  -- SHA-256 of the link's token.
  hash       bytea       primary key check (length(hash) = 32),
  -- Null for the first operator, who chooses it.
  email      text        check (email = lower(email) and length(email) <= 254),
  role       text        not null check (role in ('owner', 'support', 'billing', 'read-only')),
  created_by text        not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at    timestamptz
);
comment on table platform.operator_links is 'Links by which operators come in, each good once.';

create table platform.idempotency_keys (
  operator_id  uuid        not null references platform.operators (id) on delete cascade,
  key          text        not null check (length(key) between 1 and 255),
  -- SHA-256 of method, path and body: another request under the same key is refused.
  request_hash bytea       not null check (length(request_hash) = 32),
  -- The request that runs; after that it is taken to have died, and the next one may run.
  locked_until timestamptz not null,
  status       integer,
  headers      jsonb,
  body         text,
  created_at   timestamptz not null default now(),
  primary key (operator_id, key)
);
create index idempotency_keys_created_at on platform.idempotency_keys (created_at);
comment on table platform.idempotency_keys is 'Answers of the platform API that are given again instead of doing the same twice.';

create table platform.tenant_profiles (
  tenant_id     uuid        primary key references platform.tenants (id) on delete cascade,
  contact_name  text        check (length(contact_name) between 1 and 200),
  contact_email text        check (length(contact_email) between 3 and 254),
  contact_phone text        check (length(contact_phone) between 1 and 50),
  industry      text        check (length(industry) between 1 and 100),
  -- Of the company, in the words of whoever sells: `11-50`.
  size          text        check (length(size) between 1 and 50),
  updated_at    timestamptz not null default now()
);
comment on table platform.tenant_profiles is 'Whom the operators talk to about a tenant, and what kind of customer it is.';

alter table platform.domains add column is_primary boolean not null default false;
create unique index domains_primary on platform.domains (tenant_id) where is_primary;
alter table platform.domains add constraint domains_primary_verified check (not is_primary or verified_at is not null);

create table platform.domain_cool_downs (
  name       text        primary key,
  -- Who had it, and may have it back. No foreign key: it outlives the tenant.
  tenant_id  uuid        not null,
  ends_at    timestamptz not null
);
comment on table platform.domain_cool_downs is 'Custom domains that were given up a short while ago, and that no other tenant may claim yet.';

create table platform.demo_requests (
  id          uuid        primary key default gen_random_uuid(),
  email       text        not null check (email = lower(email) and length(email) <= 254),
  name        text        not null check (length(name) between 1 and 200),
  company     text        not null check (length(company) between 1 and 200),
  -- The subdomain that was asked for.
  slug        text        check (length(slug) <= 63),
  industry    text        check (length(industry) between 1 and 100),
  size        text        check (length(size) between 1 and 50),
  locations   jsonb       not null default '[]' check (jsonb_typeof(locations) = 'array'),
  message     text        check (length(message) <= 2000),
  status      text        not null default 'open' check (status in ('open', 'approved', 'declined')),
  -- No foreign key: what was decided outlives the tenant.
  tenant_id   uuid,
  decided_at  timestamptz,
  decided_by  text,
  note        text        check (length(note) <= 2000),
  created_at  timestamptz not null default now(),
  check ((status = 'open') = (decided_at is null))
);
create index demo_requests_status on platform.demo_requests (status, created_at, id);
-- Who asks twice has asked once.
create unique index demo_requests_open on platform.demo_requests (email) where status = 'open';
comment on table platform.demo_requests is 'People who would like to try it.';

create table platform.issuers (
  id         uuid        primary key default gen_random_uuid(),
  tenant_id  uuid        not null references platform.tenants (id) on delete cascade,
  -- The `iss` of its tokens. They speak for this tenant and for no other (threats.md, H06).
  issuer     text        not null check (length(issuer) between 1 and 500 and issuer ~ '^[\x21-\x7e]+$'),
  kind       text        not null check (kind in ('jwks', 'secret')),
  -- Plain HTTP is for hosts that OUTBOUND_ALLOWED lists (src/net).
  jwks_url   text        check (jwks_url ~ '^https?://' and length(jwks_url) <= 1000),
  secret     bytea       check (length(secret) >= 32),
  audience   text        not null check (length(audience) between 1 and 500),
  -- The claim that names the membership role; without one everybody has default_role.
  role_claim text        check (length(role_claim) between 1 and 200),
  -- Membership role by a value of that claim; empty: built-in roles go by their own names.
  roles      jsonb       not null default '{}' check (jsonb_typeof(roles) = 'object' and pg_column_size(roles) <= 16384),
  default_role text      not null default 'viewer' check (default_role ~ '^[a-z][a-z0-9_]{0,62}$' and default_role not in ('owner', 'anonymous', 'service')),
  -- Whether somebody may be an owner by its word.
  allows_owner boolean   not null default false,
  -- Whose subjects are: nobody's here, those of users with the same address, or of users that are made.
  users      text        not null default 'none' check (users in ('none', 'match', 'create')),
  is_active  boolean     not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, issuer, audience),
  check ((kind = 'jwks') = (jwks_url is not null)),
  check ((kind = 'secret') = (secret is not null))
);
-- What an issuer signs for an audience speaks for one tenant: were it registered for two, each user of one would be let into the other.
-- A shared secret is made for its tenant, and its issuer's name is only a name.
create unique index issuers_speaker on platform.issuers (issuer, audience) where kind = 'jwks';
create unique index issuers_secret on platform.issuers (tenant_id, issuer) where kind = 'secret';
comment on table platform.issuers is 'Who besides this deployment signs tokens for a tenant.';

alter table platform.outbox
  -- Set before the mail's first byte goes out and taken back when the server refused it. A mail that has it and was not sent is in doubt:
  -- it may have arrived, and is not sent again by itself.
  add column sending_at timestamptz,
  -- Nobody tries any more.
  add column failed_at timestamptz,
  -- Why the last try did not succeed.
  add column error text check (length(error) <= 1000);
drop index platform.outbox_next_at;
create index outbox_next_at on platform.outbox (next_at) where sent_at is null and failed_at is null and sending_at is null;

-- Down Migration
drop index platform.outbox_next_at;
alter table platform.outbox drop column sending_at, drop column failed_at, drop column error;
create index outbox_next_at on platform.outbox (next_at) where sent_at is null;
drop table platform.issuers;
drop table platform.demo_requests;
drop table platform.domain_cool_downs;
alter table platform.domains drop column is_primary;
drop table platform.tenant_profiles;
drop table platform.idempotency_keys;
drop table platform.operator_links;
drop table platform.operator_sessions;
drop table platform.operators;
