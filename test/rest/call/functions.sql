-- Functions of every shape beside the sales app's tables, as an app's migration would make them.
set role rowhouse_owner;
create schema extra;
select platform.add_schema('extra');

create type app.mood as enum ('good', 'bad');
create type app.point as (x integer, y integer);
create domain app."text/html" as text;
create domain app."*/*" as bytea;

create function app.add_them(a integer, b integer) returns integer language sql immutable as $$ select a + b $$;
create function app.add_them(a text, b text, c text) returns text language sql immutable as $$ select a || b || c $$;
create function app.greet(name text default 'you') returns text language sql stable as $$ select 'Hello, ' || name $$;
create function app.nothing() returns void language sql volatile as $$ select $$;
create function app.no_value() returns integer language sql stable as $$ select null::integer $$;
create function app.all_of(variadic words text[] default '{}') returns text[] language sql immutable as $$ select words $$;
create function app.tagged(name text, variadic words text[]) returns text language sql immutable as $$ select name $$;
create function app.mood_of(mood app.mood, at_least integer[] default '{}') returns json language sql stable as $$
  select json_build_object('mood', mood, 'list', at_least) $$;
create function app.origin() returns app.point language sql immutable as $$ select (1, 2)::app.point $$;
create function app.split(words text, out first text, out last text) language sql immutable as $$
  select split_part(words, ' ', 1), split_part(words, ' ', 2) $$;
create function app.next_of(inout n integer) language sql immutable as $$ select n + 1 $$;
create function app.count_to(last integer) returns setof integer language sql immutable as $$ select generate_series(1, last) $$;
create function app.squares(last integer) returns table (n integer, square integer) language sql immutable as $$
  select n, n * n from generate_series(1, last) n $$;
create function app.one_column() returns table (a text) language sql immutable as $$ select 'A' $$;
create function app.a_record() returns record language sql stable as $$ select 1 as id, 'one' as name $$;
create function app.active_customers() returns setof app.customers language sql stable as $$
  select * from app.customers where is_active order by number $$;
create function app.a_customer() returns app.customers language sql stable as $$
  select * from app.customers order by number limit 1 $$;
create function app.customers_below(number text) returns setof app.customers language sql stable as $$
  select * from app.customers c where c.number < customers_below.number order by c.number $$;
create function app.rename_customers(suffix text) returns setof app.customers language sql volatile as $$
  update app.customers set notes = suffix where number <= 'C-0005' returning * $$;
create function app.count_notes(suffix text) returns bigint language sql stable as $$
  select count(*) from app.customers where notes = suffix $$;
create function app.note_stably() returns void language plpgsql stable as $$
begin
  execute 'update app.customers set notes = null';
end $$;
create function app."Odd Name"("The Argument" text) returns text language sql immutable as $$ select "The Argument" $$;
create function app.same(arg integer) returns integer language sql immutable as $$ select 1 $$;
create function app.same(arg text) returns integer language sql immutable as $$ select 2 $$;
create function app.same(arg text, more integer default 0) returns integer language sql immutable as $$ select 3 $$;
create function app.echo_json(json) returns json language sql immutable as $$ select $1 $$;
create function app.echo_text(text) returns text language sql immutable as $$ select $1 $$;
create function app.echo_bytes(bytea) returns text language sql immutable as $$ select encode($1, 'hex') $$;
create function app.over() returns integer language sql immutable as $$ select 1 $$;
create function app.over(x integer, y integer) returns integer language sql immutable as $$ select x + y $$;
create function app.over(json) returns json language sql immutable as $$ select $1 $$;
create function app.over(text) returns text language sql immutable as $$ select $1 $$;
create function app.either(json) returns integer language sql immutable as $$ select 1 $$;
create function app.either(jsonb) returns integer language sql immutable as $$ select 2 $$;
create function app.page() returns app."text/html" language sql stable as $$ select '<h1>' || count(*) || '</h1>' from app.customers $$;
create function app.anything() returns app."*/*" language sql immutable as $$ select '\x00ff'::bytea $$;
create function app.fixed(value character, bits bit) returns text language sql immutable as $$ select value || bits::text $$;
create function app.never() returns integer language sql immutable as $$ select 0 $$;

-- Settings of a request
create function app.setting(name text) returns text language sql stable as $$ select current_setting(name, true) $$;
create function app.claim(name text) returns text language sql stable as $$
  select current_setting('request.jwt.claims', true)::json ->> name $$;
create function app.header(name text) returns text language sql stable as $$
  select current_setting('request.headers', true)::json ->> name $$;
create function app.cookie(name text) returns text language sql stable as $$
  select current_setting('request.cookies', true)::json ->> name $$;
create function app.noon() returns timestamptz language sql stable as $$ select '2026-07-01 12:00:00+00'::timestamptz $$;
create function app.slow_for_ever() returns void language plpgsql stable set statement_timeout = '150ms' as $$
begin
  loop end loop;
end $$;
create function app.patient() returns text language sql stable set statement_timeout = '50s' as $$
  select current_setting('statement_timeout') $$;
create function app.boundless() returns text language sql stable set statement_timeout = 0 as $$
  select current_setting('statement_timeout') $$;

-- Answers of functions
create function app.answer(headers text, status text default null) returns integer language plpgsql stable as $$
begin
  perform set_config('response.headers', headers, true), set_config('response.status', status, false);
  return 1;
end $$;
create function app.answer_by_set() returns setof app.customers language plpgsql volatile as $$
begin
  set local "response.status" = '202';
  return query select * from app.customers where number = 'C-0001';
end $$;
create function app.answer_for_ever() returns void language plpgsql volatile as $$
begin
  set "response.headers" = '[{"X-Left": "over"}]';
end $$;
create function app.set_anything(name text, value text) returns text language plpgsql volatile as $$
begin
  return set_config(name, value, true);
end $$;
create function app.before_request() returns void language plpgsql stable as $$
begin
  if current_setting('request.headers', true)::json ->> 'x-stop' is not null then
    raise exception 'Stopped' using errcode = 'PT451';
  end if;
  perform set_config('response.headers', json_build_array(json_build_object('X-Path',
    current_setting('request.method') || ' ' || current_setting('request.path')))::text, false);
end $$;

-- Another schema
create table extra.things (tenant_id uuid not null default platform.current_tenant(), id bigint generated by default as identity,
  name text, primary key (tenant_id, id));
create function extra.things_named(wanted text) returns setof extra.things language plpgsql stable as $$
begin
  return query select * from things where things.name = wanted;
end $$;
create function extra.where_am_i() returns text language sql stable as $$ select current_setting('search_path') $$;
create function extra.lower(text) returns text language sql immutable as $$ select 'mine' $$;
create function extra.lowered() returns text language plpgsql stable as $$ begin return lower('ABC'); end $$;
select platform.protect_table('extra.things');
grant select, insert, update, delete on extra.things to rowhouse_api;

-- Constraints at the end of a transaction
create table app.slots (tenant_id uuid not null default platform.current_tenant(), id bigint generated by default as identity, place integer,
  primary key (tenant_id, id), unique (tenant_id, place) deferrable initially deferred);
select platform.protect_table('app.slots');
grant select, insert, update, delete on app.slots to rowhouse_api;
create function app.take_twice() returns void language sql volatile as $$ insert into app.slots (place) values (1), (1) $$;

grant execute on all functions in schema app, extra to rowhouse_api;
revoke execute on function app.never() from rowhouse_api;
reset role;

-- A superuser's, whose definer's rights see everybody's rows: the mistake that the tenant's predicate is the second wall against.
create function app.everybodys() returns setof app.customers language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select * from app.customers $$;
grant execute on function app.everybodys() to rowhouse_api;
