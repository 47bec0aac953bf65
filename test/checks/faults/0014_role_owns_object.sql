-- key: rowhouse_api:table app.notes
create table app.notes ();
alter table app.notes owner to rowhouse_api;
