-- Up Migration

create table app.locations (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  parent_id uuid,
  code text not null,
  name text not null,
  kind text not null default 'store',
  city text not null,
  country text not null,
  timezone text not null default 'UTC',
  latitude double precision,
  longitude double precision,
  opens_at time,
  closes_at time,
  opening_hours jsonb not null default '{}',
  is_open boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint locations_code_key unique (tenant_id, code),
  -- Deferred, so that a whole tree can be loaded in any order within one transaction.
  constraint locations_parent_fkey foreign key (tenant_id, parent_id) references app.locations (tenant_id, id)
    on delete set null (parent_id) deferrable initially deferred,
  constraint locations_parent_check check (parent_id <> id),
  constraint locations_kind_check check (kind in ('headquarters', 'store', 'warehouse', 'workshop')),
  constraint locations_country_check check (country ~ '^[A-Z]{2}$'),
  constraint locations_latitude_check check (latitude between -90 and 90),
  constraint locations_longitude_check check (longitude between -180 and 180)
);

create index locations_parent_idx on app.locations (tenant_id, parent_id);
create index locations_name_prefix_idx on app.locations (tenant_id, name text_pattern_ops);

create trigger locations_touch_updated_at before update on app.locations
  for each row execute function app.touch_updated_at();

comment on table app.locations is 'Places we sell, make and keep things at.';
comment on column app.locations.parent_id is 'The location that this one reports to; null for the headquarters.';
comment on column app.locations.code is 'Short code, such as HQ or S-003; one per location.';
comment on column app.locations.kind is 'headquarters, store, warehouse or workshop.';
comment on column app.locations.country is 'ISO 3166-1 alpha-2, such as NL.';
comment on column app.locations.timezone is 'IANA name, such as Europe/Amsterdam.';
comment on column app.locations.opens_at is 'Local time on a working day; null when the public is not received.';
comment on column app.locations.opening_hours is 'Exceptions by weekday, such as {"sat": ["10:00", "16:00"], "sun": null}.';

select platform.protect_table('app.locations');

-- Down Migration

drop table app.locations;
