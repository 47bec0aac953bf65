-- key: elsewhere.notes
create schema elsewhere;
create table elsewhere.notes (note text);
grant usage on schema elsewhere to rowhouse_api;
grant select on elsewhere.notes to rowhouse_api;
