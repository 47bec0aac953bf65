-- key: backtrace_functions:rowhouse_api
grant set on parameter backtrace_functions to rowhouse_api;
