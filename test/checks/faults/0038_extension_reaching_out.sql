-- key: dblink
create extension dblink schema public;
