-- key: app.count_customers()
create function app.count_customers() returns bigint language sql security definer set search_path = app
  as 'select count(*) from customers';
