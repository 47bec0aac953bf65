-- Up Migration

create table app.invoices (
  tenant_id uuid not null default platform.current_tenant(),
  id uuid not null default gen_random_uuid(),
  number text,
  customer_id uuid not null,
  location_id uuid,
  status text not null default 'draft',
  currency text not null default 'EUR',
  issued_on date,
  due_on date,
  paid_on date,
  -- bigint cents: exact, and comparable under an index, which numeric is not under row-level security.
  net_cents bigint not null default 0,
  tax_cents bigint not null default 0,
  total_cents bigint generated always as (net_cents + tax_cents) stored,
  reference text,
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint invoices_number_key unique (tenant_id, number),
  constraint invoices_customer_fkey foreign key (tenant_id, customer_id) references app.customers (tenant_id, id),
  constraint invoices_location_fkey foreign key (tenant_id, location_id) references app.locations (tenant_id, id)
    on delete set null (location_id),
  constraint invoices_status_check check (status in ('draft', 'sent', 'paid', 'overdue', 'void')),
  constraint invoices_currency_check check (currency ~ '^[A-Z]{3}$'),
  -- Tax law wants numbers without gaps, so a draft that may yet be thrown away has none.
  constraint invoices_issued_check check (status = 'draft' or (number is not null and issued_on is not null)),
  constraint invoices_due_on_check check (due_on >= issued_on),
  constraint invoices_paid_on_check check (
    paid_on is null or (paid_on >= issued_on and status in ('paid', 'void'))
  ),
  constraint invoices_amounts_check check (net_cents >= 0 and tax_cents >= 0)
);

create index invoices_customer_idx on app.invoices (tenant_id, customer_id, issued_on);
create index invoices_location_idx on app.invoices (tenant_id, location_id);
create index invoices_status_idx on app.invoices (tenant_id, status, due_on);
create index invoices_issued_on_idx on app.invoices (tenant_id, issued_on);
create index invoices_total_idx on app.invoices (tenant_id, total_cents);
create index invoices_number_prefix_idx on app.invoices (tenant_id, number text_pattern_ops);

create trigger invoices_touch_updated_at before update on app.invoices
  for each row execute function app.touch_updated_at();

comment on table app.invoices is 'Invoices to customers; their lines are in invoice_items.';
comment on column app.invoices.number is 'Given when it is issued, such as 2026-00042; one per invoice.';
comment on column app.invoices.location_id is 'The location that made the sale.';
comment on column app.invoices.status is 'draft, sent, paid, overdue or void.';
comment on column app.invoices.currency is 'ISO 4217, such as EUR.';
comment on column app.invoices.net_cents is 'Before tax, as printed on the invoice, in cents; invoice_totals has the sum of the lines.';
comment on column app.invoices.tax_cents is 'Tax as printed on the invoice, in cents.';
comment on column app.invoices.total_cents is 'Net and tax together, kept by the database.';
comment on column app.invoices.reference is 'What the customer asked us to print: an order number, a name.';

select platform.protect_table('app.invoices');

-- Down Migration

drop table app.invoices;
