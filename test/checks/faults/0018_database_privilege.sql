-- key: rowhouse_api:temporary
do $$ begin execute format('grant temporary on database %I to rowhouse_api', current_database()); end $$;
