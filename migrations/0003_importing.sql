-- Up Migration
-- A tenant that is being filled: it has its id, its address and perhaps rows, and no request enters it.

alter table platform.tenants drop constraint tenants_status_check;
alter table platform.tenants add constraint tenants_status_check
  check (status in ('active', 'suspended', 'importing', 'deleting'));

-- Down Migration
-- Refused while such a tenant exists: finish its restore, or delete it.
alter table platform.tenants drop constraint tenants_status_check;
alter table platform.tenants add constraint tenants_status_check check (status in ('active', 'suspended', 'deleting'));
