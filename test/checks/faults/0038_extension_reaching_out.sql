-- key: dblink
create extension dblink;
