-- key: plpgsql
grant usage on language plpgsql to rowhouse_api;
