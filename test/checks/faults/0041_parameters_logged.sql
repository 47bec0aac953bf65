-- key: rowhouse_api
alter role rowhouse_api reset log_parameter_max_length;
