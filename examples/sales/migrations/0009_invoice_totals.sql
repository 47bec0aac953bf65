-- Up Migration

-- security_invoker: a view otherwise reads with its owner's rights. security_barrier: no filter of the caller sees a
-- row before the view's own conditions. tenant_id is among its columns so that a query of the view can name it too.
create view app.invoice_totals with (security_invoker = true, security_barrier = true) as
select
  invoice.tenant_id,
  invoice.id,
  invoice.number,
  invoice.customer_id,
  invoice.status,
  invoice.issued_on,
  lines.item_count,
  lines.net_cents,
  lines.tax_cents,
  lines.net_cents + lines.tax_cents as total_cents,
  case when invoice.status in ('sent', 'overdue') then lines.net_cents + lines.tax_cents else 0 end as open_cents
from app.invoices as invoice
cross join lateral (
  select
    count(*) as item_count,
    coalesce(sum(item.net_cents), 0)::bigint as net_cents,
    coalesce(sum(item.tax_cents), 0)::bigint as tax_cents
  from app.invoice_items as item
  where item.tenant_id = invoice.tenant_id and item.invoice_id = invoice.id
) as lines;

comment on view app.invoice_totals is 'Invoices with the sums of their lines and what is still open.';
comment on column app.invoice_totals.item_count is 'How many lines the invoice has.';
comment on column app.invoice_totals.net_cents is 'Sum of the lines before tax, in cents.';
comment on column app.invoice_totals.tax_cents is 'Sum of the tax of the lines, in cents.';
comment on column app.invoice_totals.total_cents is 'Sum of the lines with tax, in cents.';
comment on column app.invoice_totals.open_cents is 'What the customer still owes of it, in cents.';

grant select on app.invoice_totals to rowhouse_api;

-- Down Migration

drop view app.invoice_totals;
