-- key: everything
create publication everything for table app.customers;
