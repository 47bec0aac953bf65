-- key: app.customers:everyone
create policy everyone on app.customers as permissive for select to rowhouse_api using (true);
