-- key: lock_timeout
alter role rowhouse_api set lock_timeout = 0;
