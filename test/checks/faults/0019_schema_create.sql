-- key: app:rowhouse_api
grant create on schema app to rowhouse_api;
