-- Up Migration

create table app.tax_rates (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  name text not null,
  country text not null,
  -- An integer, since a numeric comparison is not leakproof and so never uses an index under row-level security.
  basis_points integer not null,
  is_default boolean not null default false,
  valid_from_on date not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint tax_rates_name_key unique (tenant_id, name),
  constraint tax_rates_country_check check (country ~ '^[A-Z]{2}$'),
  constraint tax_rates_basis_points_check check (basis_points between 0 and 10000)
);

create unique index tax_rates_one_default_key on app.tax_rates (tenant_id) where is_default;

create trigger tax_rates_touch_updated_at before update on app.tax_rates
  for each row execute function app.touch_updated_at();

comment on table app.tax_rates is 'Taxes that a line of an invoice can bear.';
comment on column app.tax_rates.country is 'ISO 3166-1 alpha-2 of the country that levies it.';
comment on column app.tax_rates.basis_points is 'Hundredths of a percent: 2100 is 21 %.';
comment on column app.tax_rates.is_default is 'The rate of a new product; at most one is.';
comment on column app.tax_rates.valid_from_on is 'First day it applies.';

select platform.protect_table('app.tax_rates');

-- Down Migration

drop table app.tax_rates;
