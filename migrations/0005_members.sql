-- Up Migration
-- Who belongs to a tenant, how they prove it, and what they may do. All of it moves with the tenant.

create table platform.plans (
  name       text        primary key check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
  title      text        not null check (length(title) between 1 and 200),
  -- Most of each thing that a tenant may have, by name; what is not named is not limited. policies/limits.sql holds them.
  limits     jsonb       not null default '{}' check (jsonb_typeof(limits) = 'object'),
  features   jsonb       not null default '{}' check (jsonb_typeof(features) = 'object'),
  -- The plan of a tenant that was made without one.
  is_default boolean     not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index plans_default on platform.plans ((true)) where is_default;
comment on table platform.plans is 'What is sold: limits and features, by name.';
insert into platform.plans (name, title, limits, is_default)
  values ('standard', 'Standard', '{"users": 50, "audit_days": 365}', true);

create table platform.table_options (
  -- Not regclass: an app's migration may drop the table and make it anew.
  schema_name name  not null,
  table_name  name  not null,
  -- What protect_table() was given besides the law that all tables have (policies/access.sql).
  options     jsonb not null check (jsonb_typeof(options) = 'object'),
  primary key (schema_name, table_name)
);
comment on table platform.table_options is 'Rules of single tables: own rows, anonymous access, audit.';

alter table tenant.users
  drop constraint users_role_check,
  add constraint users_role_check check (role ~ '^[a-z][a-z0-9_]{0,62}$' and role not in ('anonymous', 'service')),
  add column job_title text check (length(job_title) <= 200),
  add column department text check (length(department) <= 200),
  add column tags text[] not null default '{}' check (cardinality(tags) <= 100),
  add column custom jsonb not null default '{}' check (jsonb_typeof(custom) = 'object' and pg_column_size(custom) <= 65536),
  add column email_confirmed_at timestamptz,
  add column last_sign_in_at timestamptz;
-- Without the force the owner sees all rows, as it must here.
alter table tenant.users no force row level security;
update tenant.users set name = nullif(left(name, 200), '') where length(name) not between 1 and 200;
alter table tenant.users add constraint users_name_check check (length(name) between 1 and 200), force row level security;

create table tenant.credentials (
  tenant_id  uuid        not null,
  user_id    uuid        not null,
  -- PHC string (argon2id, or scrypt where there is none).
  password   text        not null check (password ~ '^\$'),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references tenant.users (tenant_id, id) on delete cascade
);
comment on table tenant.credentials is 'Password hashes. No request can read them.';

create table tenant.sessions (
  tenant_id    uuid        not null,
  id           uuid        not null default gen_random_uuid(),
  user_id      uuid        not null,
  created_at   timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  revoked_at   timestamptz,
  user_agent   text        check (length(user_agent) <= 500),
  address      inet,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references tenant.users (tenant_id, id) on delete cascade
);
create index sessions_user_id on tenant.sessions (tenant_id, user_id);
comment on table tenant.sessions is 'Sign-ins. Ending one refuses its tokens at the next request.';

create table tenant.refresh_tokens (
  tenant_id  uuid        not null,
  -- SHA-256 of the token, which is shown once.
  hash       bytea       not null check (length(hash) = 32),
  session_id uuid        not null,
  created_at timestamptz not null default now(),
  -- Set when it was exchanged for the next one; a second use a while later ends the session (RFC 9700 4.14.2).
  used_at    timestamptz,
  primary key (tenant_id, hash),
  foreign key (tenant_id, session_id) references tenant.sessions (tenant_id, id) on delete cascade
);
create index refresh_tokens_session_id on tenant.refresh_tokens (tenant_id, session_id);

create table tenant.one_time_links (
  tenant_id  uuid        not null,
  hash       bytea       not null check (length(hash) = 32),
  kind       text        not null check (kind in ('invitation', 'recovery', 'confirmation', 'email_change')),
  user_id    uuid        not null,
  -- The address that is to be proved; of an e-mail change the new one.
  email      text        not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at    timestamptz,
  primary key (tenant_id, hash),
  foreign key (tenant_id, user_id) references tenant.users (tenant_id, id) on delete cascade
);
create index one_time_links_user_id on tenant.one_time_links (tenant_id, user_id);

create table tenant.roles (
  tenant_id   uuid        not null,
  id          uuid        not null default gen_random_uuid(),
  name        text        not null check (name ~ '^[a-z][a-z0-9_]{0,62}$'
                and name not in ('owner', 'admin', 'manager', 'member', 'viewer', 'anonymous', 'service')),
  description text        check (length(description) <= 500),
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
comment on table tenant.roles is 'Membership roles of the tenant''s own, besides the built-in ones.';

create table tenant.permissions (
  tenant_id  uuid        not null,
  id         uuid        not null default gen_random_uuid(),
  role       text        not null,
  -- As the API names it: `orders`, or `schema.orders`; `*` for every table of the app.
  table_name text        not null check (length(table_name) between 1 and 127),
  verb       text        not null check (verb in ('select', 'insert', 'update', 'delete', '*')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, role, table_name, verb),
  foreign key (tenant_id, role) references tenant.roles (tenant_id, name) on update cascade on delete cascade
);
comment on table tenant.permissions is 'What the tenant''s own roles may do: a table and a verb.';

create table tenant.api_keys (
  tenant_id    uuid        not null,
  id           uuid        not null default gen_random_uuid(),
  name         text        not null check (length(name) between 1 and 200),
  -- The first characters of the key, to know it by.
  prefix       text        not null check (prefix ~ '^rh_live_[A-Za-z0-9]{6}$'),
  hash         bytea       not null check (length(hash) = 32),
  -- Either what a member with this role may do, or the listed tables and verbs: {"orders": ["select", "insert"]}.
  role         text        check (role ~ '^[a-z][a-z0-9_]{0,62}$' and role not in ('owner', 'anonymous', 'service')),
  scopes       jsonb       check (jsonb_typeof(scopes) = 'object'),
  created_by   text        not null,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  last_used_at timestamptz,
  -- The key that this one takes the place of; both work until the old one expires.
  replaces     uuid,
  primary key (tenant_id, id),
  unique (tenant_id, hash),
  check ((role is null) <> (scopes is null))
);
comment on table tenant.api_keys is 'Keys of programs. The key itself is shown once and kept nowhere.';

create table tenant.locations (
  tenant_id  uuid        not null,
  id         uuid        not null default gen_random_uuid(),
  code       text        not null check (length(code) between 1 and 50),
  name       text        not null check (length(name) between 1 and 200),
  address    jsonb       not null default '{}' check (jsonb_typeof(address) = 'object'),
  is_active  boolean     not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code)
);
comment on table tenant.locations is 'Places of the tenant.';

create table tenant.feature_flags (
  tenant_id  uuid        not null,
  id         uuid        not null default gen_random_uuid(),
  name       text        not null check (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
  is_enabled boolean     not null default false,
  payload    jsonb       not null default '{}',
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
comment on table tenant.feature_flags is 'What is switched on for the tenant.';

create table tenant.subscription (
  tenant_id     uuid        not null,
  id            uuid        not null default gen_random_uuid(),
  plan          text        not null,
  status        text        not null default 'active' check (status in ('trial', 'active', 'past_due', 'canceled')),
  -- What this tenant was given beyond its plan, by the plan's names.
  limits        jsonb       not null default '{}' check (jsonb_typeof(limits) = 'object'),
  features      jsonb       not null default '{}' check (jsonb_typeof(features) = 'object'),
  trial_ends_at timestamptz,
  renews_at     timestamptz,
  updated_at    timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id)
);
comment on table tenant.subscription is 'The plan that the tenant is on: one row.';

create table tenant.impersonations (
  tenant_id  uuid        not null,
  id         uuid        not null default gen_random_uuid(),
  -- Who of the operators looks at the tenant as one of its members would.
  operator   text        not null check (length(operator) between 1 and 200),
  reason     text        not null check (length(reason) between 1 and 1000),
  role       text        not null check (role ~ '^[a-z][a-z0-9_]{0,62}$' and role not in ('anonymous', 'service')),
  writes     boolean     not null default false,
  started_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at   timestamptz,
  primary key (tenant_id, id),
  check (expires_at > started_at and expires_at <= started_at + interval '1 day')
);
comment on table tenant.impersonations is 'Operators at work in the tenant, for a time: the tenant''s own administrators see it.';

create table tenant.audit_events (
  tenant_id   uuid        not null,
  -- In the order of time, as a UUID of version 7: new ones come to the end of the index.
  id          uuid        not null default encode(overlay(uuid_send(gen_random_uuid()) placing
                substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1), 'hex')::uuid,
  at          timestamptz not null default clock_timestamp(),
  -- `customers.updated`
  action      text        not null check (length(action) <= 200),
  actor       text        not null,
  role        text        not null,
  schema_name name,
  table_name  name,
  -- Values of the primary key, as text.
  row_id      text,
  -- Of an update only what changed.
  before      jsonb,
  after       jsonb,
  request_id  text,
  details     jsonb,
  primary key (tenant_id, id)
);
create index audit_events_at on tenant.audit_events (tenant_id, at);
comment on table tenant.audit_events is 'Who changed what, and when. Append-only.';

-- Down Migration
-- What the policies of this version attached to tables, the app's as well, asks the tables below.
do $$
declare
  attached record;
begin
  for attached in
    select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass) as text
      from pg_trigger t where t.tgname ~ '^rowhouse_(stamp|keep|role|guard|owner_|limit_|audit_)' and not t.tgisinternal and t.tgparentid = 0
    union all
    select format('drop policy %I on %s', p.polname, p.polrelid::regclass)
      from pg_policy p where p.polname ~ '^(member|own_rows)_(select|insert|update|delete)$' and not p.polpermissive
  loop
    execute attached.text;
  end loop;
end $$;
drop function if exists platform.protect_table(regclass, jsonb);
drop table tenant.audit_events;
drop table tenant.impersonations;
drop table tenant.subscription;
drop table tenant.feature_flags;
drop table tenant.locations;
drop table tenant.api_keys;
drop table tenant.permissions;
drop table tenant.roles;
drop table tenant.one_time_links;
drop table tenant.refresh_tokens;
drop table tenant.sessions;
drop table tenant.credentials;
alter table tenant.users
  drop constraint users_role_check,
  drop column job_title, drop column department, drop column tags, drop column custom,
  drop column email_confirmed_at, drop column last_sign_in_at,
  drop constraint users_name_check;
alter table tenant.users no force row level security;
update tenant.users set role = 'member' where role not in ('owner', 'admin', 'manager', 'member', 'viewer');
alter table tenant.users
  add constraint users_role_check check (role in ('owner', 'admin', 'manager', 'member', 'viewer')),
  force row level security;
drop table platform.table_options;
drop table platform.plans;
