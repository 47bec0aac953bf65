-- key: platform.current_tenant()
create or replace function platform.current_tenant() returns uuid language plpgsql stable parallel safe
  as $$ begin return nullif(current_setting('app.tenant_id', true), '')::uuid; end $$;
