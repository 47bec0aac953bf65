-- key: rowhouse_api:rowhouse_owner
grant rowhouse_owner to rowhouse_api;
