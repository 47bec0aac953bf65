-- key: app.customers:keep
create rule keep as on delete to app.customers do instead nothing;
