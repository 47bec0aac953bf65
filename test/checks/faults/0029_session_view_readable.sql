-- key: pg_stat_activity
grant select on pg_catalog.pg_stat_activity to rowhouse_api;
