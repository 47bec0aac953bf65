-- Up Migration

create table app.customers (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  number text not null,
  kind text not null default 'company',
  name text not null,
  email text,
  phone text,
  city text,
  country text,
  tags text[] not null default '{}',
  settings jsonb not null default '{}',
  credit_limit_cents bigint,
  is_active boolean not null default true,
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint customers_number_key unique (tenant_id, number),
  constraint customers_kind_check check (kind in ('company', 'person')),
  constraint customers_name_check check (length(name) between 1 and 200),
  constraint customers_country_check check (country ~ '^[A-Z]{2}$'),
  constraint customers_credit_limit_check check (credit_limit_cents >= 0)
);

create index customers_name_idx on app.customers (tenant_id, name);
-- A prefix search ("name starts with") under row-level security only gets an index of this operator class.
create index customers_name_prefix_idx on app.customers (tenant_id, name text_pattern_ops);
create index customers_email_idx on app.customers (tenant_id, email);
create index customers_country_idx on app.customers (tenant_id, country, city);
create index customers_created_at_idx on app.customers (tenant_id, created_at);

create trigger customers_touch_updated_at before update on app.customers
  for each row execute function app.touch_updated_at();

comment on table app.customers is 'Companies and people we sell to.';
comment on column app.customers.number is 'The number we call the customer by, such as C-00042; one per customer.';
comment on column app.customers.kind is 'company or person.';
comment on column app.customers.country is 'ISO 3166-1 alpha-2, such as NL.';
comment on column app.customers.tags is 'Free labels, for filters and mailings.';
comment on column app.customers.settings is 'Preferences: payment terms, channel, newsletter.';
comment on column app.customers.credit_limit_cents is 'The most that may be open at once, in cents; null means no limit.';

select platform.protect_table('app.customers');

-- Down Migration

drop table app.customers;
