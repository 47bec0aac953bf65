-- key: lo_compat_privileges
set local lo_compat_privileges = on;
