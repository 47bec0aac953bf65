-- key: app.count_customers()
create function app.count_customers() returns bigint language sql immutable as 'select count(*) from app.customers';
