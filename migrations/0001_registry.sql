-- Up Migration
-- The registry: which tenants exist, at which addresses, and in what state.

create table platform.tenants (
  id          uuid        primary key,
  slug        text        not null unique check (slug ~ '^[a-z][a-z0-9-]{0,61}[a-z0-9]$'),
  name        text        not null check (length(name) between 1 and 200),
  -- `importing`: being filled by a restore; it has its id and its address, and no request enters it.
  status      text        not null default 'active' check (status in ('active', 'suspended', 'importing', 'deleting')),
  -- The version of the tenant's placement: enter() refuses any other. It only grows.
  epoch       bigint      not null default 1 check (epoch > 0),
  -- SHA-256 of the secret that opens this tenant's context. The secret itself is never in the database.
  seal        bytea       not null check (length(seal) = 32),
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);
comment on table platform.tenants is 'The isolated customer spaces of this deployment.';

create table platform.domains (
  -- A subdomain's label ('acme'), or a whole custom domain ('shop.example'): one namespace, so neither shadows the other.
  name        text        primary key check (name = lower(name) and length(name) between 1 and 253),
  kind        text        not null check (kind in ('subdomain', 'custom')),
  tenant_id   uuid        not null references platform.tenants (id) on delete cascade,
  -- Proof of ownership that has to stand in DNS, made anew at each attempt (threats.md, H10).
  challenge   text,
  verified_at timestamptz,
  created_at  timestamptz not null default now(),
  check (kind = 'custom' or verified_at is not null),
  check ((kind = 'custom') = (position('.' in name) > 0))
);
create index domains_tenant_id on platform.domains (tenant_id);
comment on table platform.domains is 'Addresses of tenants. A renamed tenant keeps its old label, so that nobody else can take it over.';

create table platform.token_secrets (
  tenant_id   uuid        primary key references platform.tenants (id) on delete cascade,
  -- HS256 secret by which the tenant's own backend may sign tokens for this tenant, and for no other.
  secret      bytea       not null check (length(secret) >= 32),
  created_at  timestamptz not null default now()
);

create table platform.signing_keys (
  kid         text        primary key,
  alg         text        not null check (alg in ('EdDSA', 'ES256')),
  private_jwk jsonb       not null,
  public_jwk  jsonb       not null,
  created_at  timestamptz not null default now(),
  -- A retired key signs nothing; tokens that it signed are accepted until then.
  retired_at  timestamptz,
  accepted_until timestamptz,
  check ((retired_at is null) = (accepted_until is null))
);
create unique index signing_keys_current on platform.signing_keys ((true)) where retired_at is null;

create table platform.audit_events (
  id          bigint      generated always as identity primary key,
  at          timestamptz not null default now(),
  action      text        not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
  outcome     text        not null default 'success' check (outcome in ('success', 'denied', 'failure')),
  actor       text        not null,
  -- No foreign key: the record of a tenant's deletion outlives the tenant.
  tenant_id   uuid,
  request_id  text,
  details     jsonb       not null default '{}'
);
create index audit_events_tenant_id on platform.audit_events (tenant_id, at);
comment on table platform.audit_events is 'Who did what to which tenant, and which requests were refused for naming two tenants. Append-only.';

-- Down Migration
drop table platform.audit_events;
drop table platform.signing_keys;
drop table platform.token_secrets;
drop table platform.domains;
drop table platform.tenants;
