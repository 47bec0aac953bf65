-- key: app.customers:rowhouse_api:truncate
grant truncate on app.customers to rowhouse_api;
