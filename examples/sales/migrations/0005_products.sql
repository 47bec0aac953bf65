-- Up Migration

create table app.products (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  sku text not null,
  name text not null,
  description text,
  kind text not null default 'goods',
  unit text not null default 'piece',
  price_cents bigint not null,
  cost_cents bigint,
  -- Null when the cost is not known.
  margin_cents bigint generated always as (price_cents - cost_cents) stored,
  tax_rate_id uuid not null,
  weight_kg numeric(10,3),
  stock_count integer,
  tags text[] not null default '{}',
  attributes jsonb not null default '{}',
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint products_sku_key unique (tenant_id, sku),
  constraint products_tax_rate_fkey foreign key (tenant_id, tax_rate_id) references app.tax_rates (tenant_id, id),
  constraint products_name_check check (length(name) between 1 and 200),
  constraint products_kind_check check (kind in ('goods', 'service', 'subscription')),
  constraint products_unit_check check (unit in ('piece', 'box', 'hour', 'month')),
  constraint products_price_check check (price_cents >= 0),
  constraint products_cost_check check (cost_cents >= 0),
  constraint products_weight_check check (weight_kg > 0)
);

create index products_name_prefix_idx on app.products (tenant_id, name text_pattern_ops);
create index products_price_idx on app.products (tenant_id, price_cents);
create index products_kind_idx on app.products (tenant_id, kind);
create index products_tax_rate_idx on app.products (tenant_id, tax_rate_id);

create trigger products_touch_updated_at before update on app.products
  for each row execute function app.touch_updated_at();

comment on table app.products is 'What we sell: goods, services and subscriptions.';
comment on column app.products.sku is 'Stock keeping unit; one per product.';
comment on column app.products.kind is 'goods, service or subscription.';
comment on column app.products.unit is 'piece, box, hour or month: what one of it is.';
comment on column app.products.price_cents is 'Price of one unit before tax, in cents.';
comment on column app.products.cost_cents is 'What one unit costs us, in cents.';
comment on column app.products.margin_cents is 'Price less cost, kept by the database.';
comment on column app.products.stock_count is 'Units in stock; null for what is not stocked, negative when oversold.';
comment on column app.products.attributes is 'Facts that differ by product, such as colour and warranty.';

select platform.protect_table('app.products');

-- Down Migration

drop table app.products;
