-- key: app.customers
alter table app.customers no force row level security;
