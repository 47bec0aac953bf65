-- key: app.notes
create table app.notes (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));
