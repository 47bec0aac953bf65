-- key: rowhouse_api:bypassrls
alter role rowhouse_api bypassrls;
