-- key: r:app:rowhouse_api
alter default privileges for role rowhouse_owner in schema app grant select on tables to rowhouse_api;
