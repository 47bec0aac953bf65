-- key: app.note_numbers:rowhouse_api:select
create sequence app.note_numbers;
grant select on app.note_numbers to rowhouse_api;
