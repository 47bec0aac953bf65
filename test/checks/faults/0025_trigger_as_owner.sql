-- key: app.customers:log_change
create function app.log_change() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
  as 'begin return new; end';
create trigger log_change before update on app.customers for each row execute function app.log_change();
