-- key: app.count_customers()
create function app.count_customers() returns bigint language sql security definer set search_path = pg_catalog, pg_temp
  as 'select count(*) from app.customers';
grant execute on function app.count_customers() to rowhouse_api;
