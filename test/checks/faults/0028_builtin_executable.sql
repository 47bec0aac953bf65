-- key: set_config
grant execute on function pg_catalog.set_config(text, text, boolean) to rowhouse_api;
