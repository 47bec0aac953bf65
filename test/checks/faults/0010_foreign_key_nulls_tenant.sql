-- key: app.notes:notes_customer_fkey
create table app.notes (tenant_id uuid, id uuid, customer_id uuid);
alter table app.notes add constraint notes_customer_fkey
  foreign key (tenant_id, customer_id) references app.customers (tenant_id, id) on delete set null;
