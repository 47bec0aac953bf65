-- key: app.customers:rowhouse_api
grant update (tenant_id) on app.customers to rowhouse_api;
