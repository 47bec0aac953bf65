-- key: app.notes:notes_customer_fkey
create unique index customers_id_alone on app.customers (id);
alter table app.customers add constraint customers_id_alone unique using index customers_id_alone;
create table app.notes (tenant_id uuid, id uuid, customer_id uuid);
alter table app.notes add constraint notes_customer_fkey foreign key (customer_id) references app.customers (id);
