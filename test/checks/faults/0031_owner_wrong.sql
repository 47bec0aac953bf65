-- key: view app.all_customers
create view app.all_customers with (security_invoker = true) as select * from app.customers;
