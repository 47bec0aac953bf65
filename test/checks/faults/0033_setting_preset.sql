-- key: rowhouse_api:*:app.tenant_id
alter role rowhouse_api set app.tenant_id = '00000000-0000-4000-8000-000000000000';
