-- Up Migration
-- Which database a tenant lives in, and the moves between them. Every database has these tables; `databases` and `moves` are
-- used in the one that DATABASE_URL names, which is called `shared` and holds the registry.

create table platform.databases (
  name        text        primary key check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
  kind        text        not null check (kind in ('shared', 'dedicated')),
  -- Where the owner's connection URL is to be found: env:NAME or file:/path. Never the URL itself. Null: DATABASE_URL.
  secret_ref  text        check (secret_ref ~ '^(env:[A-Z_][A-Z0-9_]*|file:/.+)$'),
  -- Host, port and database name, for people.
  address     text        not null,
  -- host:port at which the other databases reach it, where that is not the URL's.
  peer        text        check (peer ~ '^[^\s/@]+:[0-9]{1,5}$'),
  created_at  timestamptz not null default now(),
  check ((name = 'shared') = (secret_ref is null))
);
comment on table platform.databases is 'The databases of this deployment.';
insert into platform.databases (name, kind, address) values ('shared', 'shared', 'DATABASE_URL');

alter table platform.tenants
  -- Null: the tenant lives in this database, and no other database may say so at the same time. Otherwise the name of the
  -- one that it lives in: in the registry its placement, elsewhere a tombstone.
  add column moved_to text,
  -- The run of a move that is filling this database with the tenant. Whatever deletes or loads rows on a move's target holds
  -- this row, and asks for its own token first.
  add column arriving uuid,
  -- A move keeps new writes out until then, by this server's clock. It lapses by itself.
  add column fence uuid,
  add column fenced_until timestamptz,
  add constraint tenants_arriving_elsewhere check (arriving is null or moved_to is not null),
  add constraint tenants_fence_whole check ((fence is null) = (fenced_until is null)),
  add constraint tenants_fenced_here check (fence is null or moved_to is null);

create table platform.moves (
  id             uuid        primary key,
  -- No foreign key: the record of a move outlives the tenant.
  tenant_id      uuid        not null,
  slug           text        not null,
  from_database  text        not null,
  to_database    text        not null check (to_database <> from_database),
  state          text        not null check (state in ('planned', 'published', 'copying', 'subscribed', 'caught_up', 'ready',
                   'fencing', 'committed', 'activated', 'flipped', 'reversing', 'observing', 'done', 'aborted')),
  -- A rollback is the same move with from and to, forward and reverse swapped.
  is_rollback    boolean     not null default false,
  -- Of the process that runs it: each takes a new one, and changes nothing under an older one.
  token          uuid        not null,
  -- The placement's epoch at the source, before the commit point.
  epoch          bigint      not null,
  -- Name of the publication, the slot and the subscription of each direction.
  forward_name   text        not null check (forward_name ~ '^[a-z0-9_]{1,63}$'),
  reverse_name   text        not null check (reverse_name ~ '^[a-z0-9_]{1,63}$'),
  settings       jsonb       not null,
  attempts       integer     not null default 0,
  observe_until  timestamptz,
  -- What was measured and verified on the way, by state.
  facts          jsonb       not null default '{}',
  error          jsonb,
  actor          text        not null,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  finished_at    timestamptz,
  check ((finished_at is null) = (state not in ('done', 'aborted')))
);
create unique index moves_unfinished on platform.moves (tenant_id) where finished_at is null;
create index moves_created_at on platform.moves (created_at);
comment on table platform.moves is 'Moves of tenants between databases, running and finished. The truth about a tenant is its row in the source.';

-- Written before a slot, publication or subscription is made, and removed after it is dropped: nothing is left behind.
create table platform.move_resources (
  move_id     uuid        not null references platform.moves (id) on delete cascade,
  kind        text        not null check (kind in ('publication', 'slot', 'subscription')),
  name        text        not null,
  database    text        not null,
  created_at  timestamptz not null default now(),
  primary key (database, kind, name)
);
create index move_resources_move_id on platform.move_resources (move_id);

create table platform.move_events (
  id          bigint      generated always as identity primary key,
  move_id     uuid        not null references platform.moves (id) on delete cascade,
  at          timestamptz not null default clock_timestamp(),
  event       text        not null,
  details     jsonb       not null default '{}'
);
create index move_events_move_id on platform.move_events (move_id, id);

-- A row that travels with the tenant's: once it is visible at the target, so is everything committed before it. tenant_id is
-- in the key because row filters of publications want it in the replica identity.
create table platform.move_watermarks (
  tenant_id   uuid        not null,
  id          uuid        not null,
  -- The process that applies it stops inside this transaction for as long as the mover holds a lock (policies/move.sql).
  is_barrier  boolean     not null default false,
  at          timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id)
);

-- Down Migration
drop table platform.move_watermarks;
drop table platform.move_events;
drop table platform.move_resources;
drop table platform.moves;
alter table platform.tenants drop column moved_to, drop column arriving, drop column fence, drop column fenced_until;
drop table platform.databases;
