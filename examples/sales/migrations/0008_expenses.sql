-- Up Migration

create table app.expenses (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  location_id uuid,
  customer_id uuid,
  tax_rate_id uuid,
  category text not null,
  vendor text not null,
  description text,
  status text not null default 'submitted',
  spent_on date not null,
  currency text not null default 'EUR',
  amount_cents bigint not null,
  tax_cents bigint not null default 0,
  is_billable boolean not null default false,
  receipt jsonb,
  approved_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint expenses_location_fkey foreign key (tenant_id, location_id) references app.locations (tenant_id, id)
    on delete set null (location_id),
  constraint expenses_customer_fkey foreign key (tenant_id, customer_id) references app.customers (tenant_id, id)
    on delete set null (customer_id),
  constraint expenses_tax_rate_fkey foreign key (tenant_id, tax_rate_id) references app.tax_rates (tenant_id, id),
  constraint expenses_category_check check (
    category in ('travel', 'meals', 'office', 'software', 'rent', 'marketing', 'utilities', 'equipment')
  ),
  constraint expenses_status_check check (status in ('submitted', 'approved', 'reimbursed', 'rejected')),
  constraint expenses_currency_check check (currency ~ '^[A-Z]{3}$'),
  constraint expenses_amounts_check check (amount_cents > 0 and tax_cents between 0 and amount_cents)
);

create index expenses_location_idx on app.expenses (tenant_id, location_id);
create index expenses_customer_idx on app.expenses (tenant_id, customer_id);
create index expenses_tax_rate_idx on app.expenses (tenant_id, tax_rate_id);
create index expenses_spent_on_idx on app.expenses (tenant_id, spent_on);
create index expenses_category_idx on app.expenses (tenant_id, category, spent_on);
create index expenses_status_idx on app.expenses (tenant_id, status, spent_on);
create index expenses_vendor_prefix_idx on app.expenses (tenant_id, vendor text_pattern_ops);

create trigger expenses_touch_updated_at before update on app.expenses
  for each row execute function app.touch_updated_at();

comment on table app.expenses is 'What we spent, and whether it was approved.';
comment on column app.expenses.customer_id is 'The customer it was spent for.';
comment on column app.expenses.category is 'travel, meals, office, software, rent, marketing, utilities or equipment.';
comment on column app.expenses.status is 'submitted, approved, reimbursed or rejected.';
comment on column app.expenses.currency is 'ISO 4217, such as EUR.';
comment on column app.expenses.amount_cents is 'What was paid, tax included, in cents.';
comment on column app.expenses.tax_cents is 'The tax within the amount, in cents.';
comment on column app.expenses.is_billable is 'Whether the customer is to pay it.';
comment on column app.expenses.receipt is 'The scan: file, media type and bytes; null when it was lost.';

select platform.protect_table('app.expenses');

-- Down Migration

drop table app.expenses;
