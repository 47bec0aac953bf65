-- key: app.customers_email_everywhere
create unique index customers_email_everywhere on app.customers (email) include (tenant_id) where false;
