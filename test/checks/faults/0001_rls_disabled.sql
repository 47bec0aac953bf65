-- key: app.customers
alter table app.customers disable row level security;
