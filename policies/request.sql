-- What a request tells its transaction besides whose it is, and how functions of the app answer back. Run as rowhouse_owner.
--
-- SET LOCAL does all of this, and nobody can be kept from it; its function form is revoked (roles.sql), since it works inside a statement.
-- These are that form for a fixed list of settings, none of which says whose rows are seen. All of them are transaction-local.

-- For the server, after enter() and before the request's own statement (src/rest/statement/settings.ts). What is null is left as it is.
--   in_method … in_claims   request.method and so on; the last three are JSON objects
--   in_schema               comes first in the search path, after what platform.api_search_path() puts above the app's
--   in_time_zone            as SET TIME ZONE takes it; 22023 otherwise
--   in_statement_timeout    of the function that is called; one that is longer than the session's, or none, does not count
-- Answers that an earlier request's function left in the session, by SET without LOCAL, are no answers of this one.
-- Definer's without a search path of its own, which would take back the one it sets: every name is qualified.
create or replace function platform.set_request(in_method text, in_path text, in_headers text, in_cookies text, in_claims text,
  in_schema text, in_time_zone text, in_statement_timeout text) returns void
language plpgsql volatile security definer as $$
declare
  longest pg_catalog.text;
  path pg_catalog.text;
  above constant pg_catalog.text := 'rowhouse, pg_catalog, ';
  done pg_catalog.text;
begin
  -- Each an expression and not a query: PL/pgSQL computes those without the executor.
  done := pg_catalog.concat(pg_catalog.set_config('response.headers', '', true), pg_catalog.set_config('response.status', '', true));
  if in_method is not null then
    done := pg_catalog.concat(pg_catalog.set_config('request.method', in_method, true),
      pg_catalog.set_config('request.path', in_path, true),
      pg_catalog.set_config('request.headers', in_headers, true),
      pg_catalog.set_config('request.cookies', in_cookies, true),
      pg_catalog.set_config('request.jwt.claims', in_claims, true));
  end if;
  if in_schema is not null then
    path := pg_catalog.current_setting('search_path');
    done := pg_catalog.set_config('search_path', case when pg_catalog.starts_with(path, above)
      then pg_catalog.concat(above, pg_catalog.quote_ident(in_schema), ', ', pg_catalog.substr(path, pg_catalog.length(above) operator(pg_catalog.+) 1))
      else pg_catalog.concat(pg_catalog.quote_ident(in_schema), ', ', path) end, true);
  end if;
  if in_time_zone is not null then
    done := pg_catalog.set_config('timezone', in_time_zone, true);
  end if;
  if in_statement_timeout is not null then
    longest := pg_catalog.current_setting('statement_timeout');
    done := pg_catalog.set_config('statement_timeout', in_statement_timeout, true);
    if longest operator(pg_catalog.<>) '0' and (done operator(pg_catalog.=) '0'
        or done::pg_catalog.interval operator(pg_catalog.>) longest::pg_catalog.interval) then
      done := pg_catalog.set_config('statement_timeout', longest, true);
    end if;
  end if;
end $$;

-- Functions of an app set the status and the headers of their answer by set_config(), as PostgREST's users write it. For those that
-- don't qualify the name, this one comes first in the search path of requests (platform.api_search_path). Always local: what outlived
-- the transaction would be in another tenant's answer.
create schema if not exists rowhouse;
revoke all on schema rowhouse from public;

create or replace function rowhouse.set_config(in_name text, in_value text, in_is_local boolean) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if lower(in_name) ~ '^(response\.(headers|status)|request\.[a-z_][a-z0-9_.]*)$' then
    return set_config(lower(in_name), in_value, true);
  end if;
  raise exception 'permission denied for function set_config' using errcode = '42501',
    hint = 'Of all settings it may set response.headers, response.status and request.*; SET LOCAL sets others.';
end $$;

revoke all on function platform.set_request(text, text, text, text, text, text, text, text),
  rowhouse.set_config(text, text, boolean) from public;
grant usage on schema rowhouse to rowhouse_api;
grant execute on function platform.set_request(text, text, text, text, text, text, text, text),
  rowhouse.set_config(text, text, boolean) to rowhouse_api;
