-- Up Migration

-- A generated column can't read another, so each amount says its formula in full; "* 0.0001" since division may round.
create table app.invoice_items (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  invoice_id uuid not null,
  position integer not null,
  product_id uuid,
  tax_rate_id uuid,
  description text not null,
  -- numeric, since hours come in quarters; nobody filters by it.
  quantity numeric(12,3) not null default 1,
  unit_price_cents bigint not null,
  discount_basis_points integer not null default 0,
  tax_basis_points integer not null default 0,
  net_cents bigint generated always as (
    round(quantity * unit_price_cents * (10000 - discount_basis_points) * 0.0001)
  ) stored,
  tax_cents bigint generated always as (
    round(round(quantity * unit_price_cents * (10000 - discount_basis_points) * 0.0001) * tax_basis_points * 0.0001)
  ) stored,
  total_cents bigint generated always as (
    round(quantity * unit_price_cents * (10000 - discount_basis_points) * 0.0001)
    + round(round(quantity * unit_price_cents * (10000 - discount_basis_points) * 0.0001) * tax_basis_points * 0.0001)
  ) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint invoice_items_position_key unique (tenant_id, invoice_id, position),
  constraint invoice_items_invoice_fkey foreign key (tenant_id, invoice_id) references app.invoices (tenant_id, id)
    on delete cascade,
  constraint invoice_items_product_fkey foreign key (tenant_id, product_id) references app.products (tenant_id, id)
    on delete set null (product_id),
  constraint invoice_items_tax_rate_fkey foreign key (tenant_id, tax_rate_id) references app.tax_rates (tenant_id, id),
  constraint invoice_items_position_check check (position > 0),
  constraint invoice_items_quantity_check check (quantity > 0),
  constraint invoice_items_unit_price_check check (unit_price_cents >= 0),
  constraint invoice_items_discount_check check (discount_basis_points between 0 and 10000),
  constraint invoice_items_tax_check check (tax_basis_points between 0 and 10000)
);

create index invoice_items_product_idx on app.invoice_items (tenant_id, product_id);
create index invoice_items_tax_rate_idx on app.invoice_items (tenant_id, tax_rate_id);

create trigger invoice_items_touch_updated_at before update on app.invoice_items
  for each row execute function app.touch_updated_at();

comment on table app.invoice_items is 'The lines of an invoice.';
comment on column app.invoice_items.position is 'Place on the invoice, from 1.';
comment on column app.invoice_items.product_id is 'Null for a line in free text, and once the product is deleted.';
comment on column app.invoice_items.description is 'Printed text: the name that the product had then.';
comment on column app.invoice_items.unit_price_cents is 'Price of one unit before discount and tax, in cents.';
comment on column app.invoice_items.discount_basis_points is 'Hundredths of a percent off the price: 500 is 5 %.';
comment on column app.invoice_items.tax_basis_points is 'The rate that held then, in hundredths of a percent.';
comment on column app.invoice_items.net_cents is 'After discount and before tax, rounded to the cent by the database.';
comment on column app.invoice_items.tax_cents is 'Tax of the line, rounded to the cent by the database.';
comment on column app.invoice_items.total_cents is 'Net and tax together, kept by the database.';

select platform.protect_table('app.invoice_items');

-- Down Migration

drop table app.invoice_items;
