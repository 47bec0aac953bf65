-- key: platform.tenants
grant select (seal) on platform.tenants to rowhouse_api;
