-- key: app.all_customers
create view app.all_customers as select * from app.customers;
