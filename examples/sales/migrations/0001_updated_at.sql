-- Up Migration

-- Runs with the rights of whoever updates the row: a trigger that ran as its owner would be a way around the wall.
create function app.touch_updated_at() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.updated_at := now();
  return new;
end
$$;
-- A trigger fires without this right; nobody needs to call it by name.
revoke execute on function app.touch_updated_at() from public;

-- Down Migration

drop function app.touch_updated_at();
