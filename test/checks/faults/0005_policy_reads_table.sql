-- key: app.customers:members
create policy members on app.customers as restrictive for select to rowhouse_api
  using (exists (select from tenant.users u where u.tenant_id = customers.tenant_id));
