-- key: table app.customers:select
grant select on app.customers to public;
