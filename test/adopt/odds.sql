-- Shapes that a schema rarely has and that adopt must survive: three schemas with keys between them, and whatever of PostgreSQL
-- gets in the way of a composite key. The roles are the single-tenant application's own; the test makes and drops them.

create schema odds;
create schema "hidden odds";
create schema "ODD ""@/\#~_-";
create schema elsewhere;
grant usage on schema odds to odds_reader;

-- Keys

create table odds.empty ();
create table "hidden odds".countries (code char(2) primary key, name text);
create table odds.cities (
  id serial not null unique,
  country char(2) references "hidden odds".countries on update cascade on delete set null,
  name text default 'nowhere',
  constraint cities_id primary key (id) with (fillfactor = 70)
);
comment on constraint cities_id on odds.cities is 'The key, isn''t it';
create table odds.streets (
  city_id integer, name text, zip text,
  constraint streets_zip unique (zip) deferrable initially deferred,
  primary key (name, city_id)
);
alter table odds.streets add constraint streets_city foreign key (city_id) references odds.cities (id) on update set null not valid;
alter table odds.streets replica identity using index streets_pkey;
create table odds.houses (
  street text, city_id integer, number integer default 1, keeper integer default 7,
  -- in another order than the key's
  constraint houses_street foreign key (city_id, street) references odds.streets (city_id, name) match full on delete set default (street),
  constraint houses_number unique nulls not distinct (number, street)
);
create table odds.agents (id integer primary key, name text, department_id integer);
create table odds.departments (id integer primary key, name text, head_id integer references odds.agents);
alter table odds.agents add constraint agents_department foreign key (department_id) references odds.departments;
create table odds.slots (
  id integer primary key, during int4range not null,
  constraint slots_apart exclude using gist (during with &&) where (id > 0)
);
create table odds.points (id integer primary key, at point, constraint points_apart exclude using spgist (at with ~=));
-- Names that are alike in as much as fits before a suffix, and a key that takes no column more.
create table odds.alike (id integer primary key, street text, city_id integer, street_2 text, city_id_2 integer,
  constraint aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_1 foreign key (street, city_id) references odds.streets match full,
  constraint aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_2 foreign key (street_2, city_id_2) references odds.streets match full);
create table odds.wide (c0 integer, c1 integer, c2 integer, c3 integer, c4 integer, c5 integer, c6 integer, c7 integer, c8 integer, c9 integer, c10 integer, c11 integer, c12 integer, c13 integer, c14 integer, c15 integer, c16 integer, c17 integer, c18 integer, c19 integer, c20 integer, c21 integer, c22 integer, c23 integer, c24 integer, c25 integer, c26 integer, c27 integer, c28 integer, c29 integer, c30 integer, c31 integer, constraint wide_all unique (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28, c29, c30, c31));
create table odds.guests (id integer references odds.agents, nobody integer);
create table elsewhere.letters (id integer primary key, agent_id integer references odds.agents);
create table elsewhere.planets (id integer primary key, name text);
create table odds.visits (planet_id integer references elsewhere.planets, agent_id integer references odds.agents);
create table "ODD ""@/\#~_-"."na""me's" ("i d" integer primary key, "a,b" text, up integer references "ODD ""@/\#~_-"."na""me's");
create unique index "in""dex's, ( USING btree (" on "ODD ""@/\#~_-"."na""me's" using btree ("a,b") where "i d" > 0;

-- Partitions, inheritance, types

create table odds.brands (name varchar(64) primary key);
create table odds.models (name varchar(64) not null, year integer not null, brand varchar(64) references odds.brands, primary key (name, year))
  partition by list (year);
create table odds.models_2021 partition of odds.models for values in (2021) partition by range (name);
create table odds.models_2021_a partition of odds.models_2021 for values from ('a') to ('n');
create unique index models_2021_a_own on odds.models_2021_a (name);
create table odds.models_rest partition of odds.models default;
create index models_brand on odds.models (brand);
create table odds.sales (day date not null, model varchar(64), year integer, foreign key (model, year) references odds.models (name, year))
  partition by range (day);
create table odds.sales_2026 partition of odds.sales for values from ('2026-01-01') to ('2027-01-01');
create table odds.vehicles (id integer primary key, wheels integer, brand text);
create table odds.carts (load integer) inherits (odds.vehicles);
create type odds.pair as (one integer, two text);
create table odds.pairs of odds.pair (primary key (one));
create domain odds.agent_row as odds.agents;
create table odds.snapshots (id integer primary key, agent odds.agents, agents odds.agents[]);

-- Views

create view odds.city_view as table odds.cities;
comment on view odds.city_view is 'It''s all of them';
comment on column odds.city_view.name is 'As it is spelled';
create view odds.dutch_cities as select id, name, country from odds.city_view where country = 'NL' with check option;
create view odds.city_names as select string_agg(name, ', ' order by name) as names from odds.dutch_cities;
create view odds.agent_homes as select id, name, exists (select from odds.dutch_cities c where c.name = a.name) as is_city from odds.agents a;
create view odds.city_rows as select id, name from odds.cities;
create function odds.some_city_rows() returns setof odds.city_rows language sql stable as 'select * from odds.city_rows';
create view odds.named_cities as select id, name from odds.cities;
create function odds.count_named() returns bigint language sql stable as 'select count(*) from (select * from odds.named_cities) all_of_them';
create view odds.city_streets as
  select c.id, c.name, c.country, count(s.name) as streets from odds.cities c left join odds.streets s on s.city_id = c.id group by c.id;
create view odds.city_counts as select country, count(*) from odds.city_streets group by country;
create view odds.circle as table odds.agents;
create or replace view odds.circle as table odds.circle;
create view odds.shorthand with (security_barrier) as select id, name from odds.agents where id > 0 with local check option;
alter view odds.shorthand alter column name set default 'unnamed';
create materialized view odds.census as select country, count(*) as cities from odds.cities group by country;
create unique index census_country on odds.census (country);
comment on materialized view odds.census is 'Counted at night';
create view odds.census_view as select * from odds.census;
create view odds.planet_view as select * from elsewhere.planets;
create function odds.all_agents() returns setof odds.agents language sql stable as 'select * from odds.agents';
create view odds.agents_by_function as select * from odds.all_agents();
create view odds.roster as select a.id, a.name, d.name as department from odds.agents a left join odds.departments d on d.id = a.department_id;
create rule roster_insert as on insert to odds.roster do instead
  insert into odds.agents (id, name) values (new.id, new.name) returning id, name, 'none'::text;
create rule roster_delete as on delete to odds.roster do instead delete from odds.agents where id = old.id;
create rule roster_update as on update to odds.roster do instead nothing;
create rule guests_also as on insert to odds.guests do also update odds.agents set name = name;

create view odds.keyed as select id, name from odds.agents group by id;
create materialized view odds.z_key as select id, upper(name) as name from odds.agents group by id;
create index z_key_id on odds.z_key (id);
create view odds.m_key as select * from odds.z_key;
create materialized view odds.a_key as select k.id, k.name, c.name as named from odds.m_key k join odds.keyed c using (id);
grant select on odds.z_key, odds.a_key, odds.m_key, odds.keyed to odds_reader;
create view odds.agent_rows as select a.id, to_jsonb(a) as agent from odds.agents a;

-- Functions

create function odds.definer_count() returns bigint language sql stable security definer as 'select count(*) from odds.agents';
-- Names that only a search path finds: as good after as before.
set check_function_bodies = off;
create function odds.guest_count() returns bigint language sql stable as 'select count(*) from guests';
reset check_function_bodies;
create function odds.agent_count() returns bigint language sql immutable as 'select count(*) from odds.agents';
create publication odds_rows for table odds.agents;
create function odds.leaky(integer) returns integer language sql immutable leakproof as 'select $1';
create function odds.only_owner() returns integer language sql as 'select 1';
revoke execute on function odds.only_owner() from public;
create function odds.for_reader() returns integer language sql as 'select 2';
revoke execute on function odds.for_reader() from public;
grant execute on function odds.for_reader() to odds_reader;
create function odds.listed_rows() returns setof odds.agents language plpgsql stable as
  $$ begin return query select a.id, a.name, a.department_id from odds.agents a; end $$;
create function odds.listed_sql() returns setof odds.agents language sql stable as 'select id, name, department_id from odds.agents';
create function odds.star_table() returns table (id integer, name text, department_id integer) language sql stable as 'select * from odds.agents';
create function odds.star_plpgsql() returns table (id integer, name text, department_id integer) language plpgsql stable as
  $$ begin return query select * from odds.agents; end $$;
create function odds.atomic_groups() returns bigint language sql stable
  begin atomic select count(*) from (select id, name from odds.agents group by id) grouped; end;
create function odds.atomic_upsert(integer, text) returns void language sql begin atomic
  insert into odds.agents (id, name) values ($1, $2) on conflict (id) do update set name = excluded.name; end;
create function odds.atomic_by_name(integer) returns void language sql
  begin atomic insert into odds.agents (id) values ($1) on conflict on constraint agents_pkey do nothing; end;
create function odds.agents_as_json() returns json language sql stable as 'select json_agg(a order by a.id) from odds.agents a';
create function odds.upsert_agent(integer, text) returns void language sql as
  'insert into odds.agents (id, name) values ($1, $2) on conflict (id) do update set name = excluded.name';
create function odds.tell() returns trigger language plpgsql security definer as
  $$ begin perform pg_notify('agents', new.id::text); return new; end $$;
create trigger slots_tell after update on odds.slots for each row execute function odds.tell();
create function odds.reset_table(name text, rows json) returns void language plpgsql as
  $$ begin execute format('insert into odds.%I select * from json_populate_recordset(null::odds.%1$I, $1)', name) using rows; end $$;
create function odds.loose() returns record language sql as 'select * from odds.agents limit 1';
create function odds.never_valid() returns integer language plpgsql as $$ begin return (select no_such from odds.agents); end $$;
create function odds.step(state text, item odds.agents) returns text language sql immutable as $$ select state || coalesce(item.name, '-') $$;
create aggregate odds.names_of(odds.agents) (sfunc = odds.step, stype = text, initcond = '');
create function odds.zero(integer) returns integer language sql immutable as 'select 1';
create aggregate odds.counted(*) (sfunc = odds.zero, stype = integer);
create procedure odds.do_nothing() language sql as '';
create function odds."Quoted's (name)"("the ""arg""" text, variadic "more" integer[] default '{}') returns text language sql as 'select $1';
create operator odds.=== (leftarg = integer, rightarg = integer, function = int4eq);
create collation odds.plain (provider = libc, locale = 'C');
create text search configuration odds.words (copy = simple);
create statistics odds.city_stats (dependencies) on country, name from odds.cities;
create sequence odds.tickets;
grant usage on sequence odds.tickets to odds_reader;
create type odds.secret_kind as enum ('a', 'b');
revoke usage on type odds.secret_kind from public;

-- Rights and policies of the application that was

grant select, insert, update, delete on odds.cities, odds.agents, odds.city_view, odds.dutch_cities, odds.roster, odds.shorthand, odds.census to odds_reader;
grant select on odds.city_streets to public;
grant select (id, wheels), insert (id) on odds.vehicles to odds_reader;
create schema tools;
create extension ltree with schema tools;
create table odds.leaves (path tools.ltree primary key, note text);
grant all on odds.leaves to odds_reader;
alter table odds.visits enable row level security;
alter table odds.visits force row level security;
create policy own_visits on odds.visits to odds_reader using (agent_id = 1);
create policy odd_visits on odds.visits using (agent_id % 2 = 1);

-- Rows

insert into "hidden odds".countries values ('NL', 'Netherlands'), ('FR', null);
insert into odds.cities (country, name) values ('NL', 'Delft'), ('NL', 'Gouda'), ('FR', 'Paris'), (null, 'Nowhere');
insert into odds.streets values (1, 'Oude Delft', '2611'), (1, 'Markt', '2612'), (2, 'Markt', null);
insert into odds.houses values ('Markt', 1, 4), (null, null, 5), ('Markt', 2, null);
insert into odds.departments values (1, 'Inside', null), (2, 'Outside', null);
insert into odds.agents values (1, 'Ada', 1), (2, 'Bo', 2), (3, null, null);
update odds.departments set head_id = id;
insert into odds.slots values (1, '[1,5)'), (2, '[5,9)');
insert into odds.points values (1, '(1,2)');
insert into odds.guests values (1, null), (1, null);
insert into elsewhere.letters values (1, 1);
insert into elsewhere.planets values (1, 'Mars');
insert into odds.visits values (1, 1), (1, 2);
insert into "ODD ""@/\#~_-"."na""me's" values (1, 'x', null), (2, 'y', 1);
insert into odds.brands values ('ford');
insert into odds.models values ('focus', 2021, 'ford'), ('fiesta', 1999, null);
insert into odds.sales values ('2026-01-02', 'focus', 2021), ('2026-01-03', 'focus', 2021);
insert into odds.vehicles values (1, 4);
insert into odds.carts values (2, 2, null, 100);
insert into odds.pairs values (1, 'one');
insert into odds.snapshots select 1, a, array[a] from odds.agents a where id = 1;
insert into odds.leaves values ('top.middle', null);
refresh materialized view odds.census;
refresh materialized view odds.z_key;
refresh materialized view odds.a_key;
