-- key: app.notes_1:rowhouse_api
create table app.notes (tenant_id uuid) partition by hash (tenant_id);
create table app.notes_1 partition of app.notes for values with (modulus 1, remainder 0);
grant select on app.notes_1 to rowhouse_api;
