-- Up Migration
-- What Rowhouse keeps for each tenant. These tables live by the same law as the app's (policies/protect.sql).

create table tenant.settings (
  tenant_id  uuid        not null,
  id         uuid        not null default gen_random_uuid(),
  name       text        not null check (name ~ '^[a-z][a-z0-9_.]{0,62}$'),
  value      jsonb       not null,
  -- A public setting is readable before sign-in, by the tenant's own pages.
  is_public  boolean     not null default false,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
comment on table tenant.settings is 'Settings and branding of the tenant, one value per name.';

create table tenant.users (
  tenant_id  uuid        not null,
  id         uuid        not null default gen_random_uuid(),
  email      text        not null check (email = lower(email) and email ~ '^[^@\s]+@[^@\s]+$' and length(email) <= 254),
  name       text,
  role       text        not null default 'member' check (role in ('owner', 'admin', 'manager', 'member', 'viewer')),
  is_active  boolean     not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, email)
);
comment on table tenant.users is 'People of the tenant.';

-- Down Migration
drop table tenant.users;
drop table tenant.settings;
