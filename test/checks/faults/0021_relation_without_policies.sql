-- key: app.all_customers
create materialized view app.all_customers as select * from app.customers with no data;
