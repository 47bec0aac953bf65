-- Up Migration
-- Written by `rowhouse adopt` for the schema print_shop: its tables carry tenants from here on.
-- It locks every table that it converts until it ends. Keys and indexes are built anew, which takes its time on large tables.
--
-- What it could not decide, with the line to write by hand:
--
-- warn  materialized view print_shop.template_sales
--   It became a view, computed when it is read; refresh fails on it.
--   where that is too slow: a table of its own, kept by triggers, with protect_table()
--

-- Whatever was put off is checked now.
set constraints all immediate;

-- Everything belongs to rowhouse_owner, which runs migrations. Whoever had it gives it away, so as that user.
do $adopt$
declare
  former_path constant text := current_setting('search_path');
  command text;
begin
  set local role none;
  set local search_path to pg_catalog; -- names are printed with their schema
  for command in
    select format('alter schema %I owner to rowhouse_owner', n.nspname) from pg_namespace n
    where n.nspname in ('print_shop') and n.nspowner <> 'rowhouse_owner'::regrole
  loop
    execute command;
  end loop;
  for command in
    select format('alter %s owner to rowhouse_owner', owned.object) from (
    select o.object, o.owner, o.nspname from (
      select format('%s %I.%I', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
        when 'S' then 'sequence' else 'table' end, n.nspname, c.relname), c.relowner, n.nspname, c.tableoid, c.oid
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f')
        or (c.relkind = 'S' and not exists (select from pg_depend d -- one that a column owns follows its table
          where d.classid = c.tableoid and d.objid = c.oid and d.refclassid = c.tableoid and d.deptype in ('a', 'i')))
    ) o (object, owner, nspname, classid, oid)
    where not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e')
    union all
    select o.object, o.owner, o.nspname from (
      select format('type %I.%I', n.nspname, t.typname), t.typowner, n.nspname, t.tableoid, t.oid
      from pg_type t join pg_namespace n on n.oid = t.typnamespace
      where t.typtype in ('e', 'd', 'r') or (t.typtype = 'b' and t.typcategory <> 'A')
        or (t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
    ) o (object, owner, nspname, classid, oid)
    where not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e')
    union all
    select o.object, o.owner, o.nspname from (
      select format('routine %s', p.oid::regprocedure), p.proowner, n.nspname, p.tableoid, p.oid
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    ) o (object, owner, nspname, classid, oid)
    where not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e')
    ) owned
    where owned.nspname in ('print_shop') and owned.owner <> 'rowhouse_owner'::regrole
  loop
    execute command;
  end loop;
  perform set_config('search_path', former_path, true);
  set local role rowhouse_owner;
end
$adopt$;

-- From here on every table of the schema has to be protected.
select platform.add_schema('print_shop');

-- Views that group by a key wait until it is there again.
create or replace view print_shop.order_totals as select null::bigint as id, null::text as number, null::print_shop.order_state as state, null::bigint as lines, null::bigint as total_cents;

-- Materialized views are no more, and what reads them waits.
drop materialized view print_shop.template_sales;
create view print_shop.template_sales as select null::bigint as template_id, null::bigint as pieces, null::bigint as total_cents;

-- Foreign keys step aside while the keys that they point at are made anew.
alter table print_shop.canvas_sizes drop constraint canvas_sizes_canvas_id_fkey;
alter table print_shop.canvas_sizes drop constraint canvas_sizes_size_code_fkey;
alter table print_shop.product_templates drop constraint product_templates_based_on_fkey;
alter table print_shop.product_templates drop constraint product_templates_canvas_id_fkey;
alter table print_shop.mockups drop constraint mockups_template_id_fkey;
alter table print_shop.mockups drop constraint mockups_design_id_fkey;
alter table print_shop.mockups drop constraint mockups_size_code_fkey;
alter table print_shop.template_designs drop constraint template_designs_template_id_fkey;
alter table print_shop.template_designs drop constraint template_designs_design_id_fkey;
alter table print_shop.order_items drop constraint order_items_order_id_fkey;
alter table print_shop.order_items drop constraint order_items_template_id_fkey;
alter table print_shop.order_items drop constraint order_items_design_id_fkey;
alter table print_shop.order_items drop constraint order_items_size_code_fkey;
alter table print_shop.print_log drop constraint print_log_order_id_fkey;

-- Keys are made anew, under the same names.
alter table print_shop.canvas_configurations drop constraint canvas_configurations_name_key;
alter table print_shop.canvas_configurations drop constraint canvas_configurations_pkey;
alter table print_shop.canvas_sizes drop constraint canvas_sizes_pkey;
alter table print_shop.design_images drop constraint design_images_checksum_key;
alter table print_shop.design_images drop constraint design_images_pkey;
alter table print_shop.mockups drop constraint mockups_pkey;
alter table print_shop.order_items drop constraint order_items_pkey;
alter table print_shop.orders drop constraint orders_pkey;
alter table print_shop.product_templates drop constraint product_templates_pkey;
alter table print_shop.product_templates drop constraint product_templates_sku_key;
alter table print_shop.size_configurations drop constraint size_configurations_pkey;
alter table print_shop.template_designs drop constraint template_designs_pkey;

-- Indexes, too.
drop index print_shop.canvas_sizes_size;
drop index print_shop.mockups_design;
drop index print_shop.order_items_template;
drop index print_shop.orders_number_key;
drop index print_shop.orders_state;
drop index print_shop.product_templates_title;

-- Every row gets its tenant, and the rows that are there belong to acme.
do $adopt$
declare
  slug constant text := 'acme';
  owner constant uuid := (select id from platform.tenants t where t.slug = 'acme');
  adopted regclass;
  has_rows boolean;
begin
  foreach adopted in array array[
    'print_shop.canvas_configurations',
    'print_shop.canvas_sizes',
    'print_shop.design_images',
    'print_shop.mockups',
    'print_shop.order_items',
    'print_shop.orders',
    'print_shop.print_log',
    'print_shop.product_templates',
    'print_shop.size_configurations',
    'print_shop.template_designs'
  ]::regclass[] loop
    execute format('select exists (select from %s)', adopted) into has_rows;
    if has_rows and slug is null then
      raise exception '% has rows, and nobody has said whose they are', adopted using errcode = 'RH416',
        hint = 'Write the migration anew with a tenant to give them to: rowhouse adopt … --tenant acme --force';
    elsif has_rows and owner is null then
      raise exception '% has rows, and there is no tenant %', adopted, slug using errcode = 'RH416',
        hint = format('Make the tenant that they are to belong to, then migrate again: rowhouse tenant create %s', slug);
    elsif has_rows then
      execute format('alter table %s add column tenant_id uuid not null default %L', adopted, owner);
    else
      execute format('alter table %s add column tenant_id uuid', adopted);
      execute format('alter table %s alter column tenant_id set not null', adopted);
    end if;
    execute format('alter table %s alter column tenant_id set default platform.current_tenant()', adopted);
  end loop;
end
$adopt$;

-- Tables without a primary key get one that requests don't see: archives and moves name rows by it.
alter table print_shop.print_log
  add column tenant_row_id uuid not null default gen_random_uuid(),
  add primary key (tenant_id, tenant_row_id);

-- Keys hold within a tenant: what is unique in one may be in another, too.
alter table print_shop.canvas_configurations add constraint canvas_configurations_name_key unique (tenant_id, name);
alter table print_shop.canvas_configurations add constraint canvas_configurations_pkey primary key (tenant_id, id);
alter table print_shop.canvas_sizes add constraint canvas_sizes_pkey primary key (tenant_id, canvas_id, size_code);
alter table print_shop.design_images add constraint design_images_checksum_key unique (tenant_id, checksum);
alter table print_shop.design_images add constraint design_images_pkey primary key (tenant_id, id);
alter table print_shop.mockups add constraint mockups_pkey primary key (tenant_id, template_id, "position");
alter table print_shop.order_items add constraint order_items_pkey primary key (tenant_id, order_id, line);
alter table print_shop.orders add constraint orders_pkey primary key (tenant_id, id);
alter table print_shop.product_templates add constraint product_templates_pkey primary key (tenant_id, id);
alter table print_shop.product_templates add constraint product_templates_sku_key unique (tenant_id, sku);
alter table print_shop.size_configurations add constraint size_configurations_pkey primary key (tenant_id, code);
alter table print_shop.template_designs add constraint template_designs_pkey primary key (tenant_id, template_id, design_id);

-- Every index begins with the tenant, as every query does.
create index canvas_sizes_size on print_shop.canvas_sizes using btree (tenant_id, size_code);
create index mockups_design on print_shop.mockups using btree (tenant_id, design_id);
create index order_items_template on print_shop.order_items using btree (tenant_id, template_id);
create unique index orders_number_key on print_shop.orders using btree (tenant_id, number) WHERE (deleted_at IS NULL);
create index orders_state on print_shop.orders using btree (tenant_id, state, placed_at DESC);
create index product_templates_title on print_shop.product_templates using btree (tenant_id, lower(title) text_pattern_ops) WHERE (deleted_at IS NULL);

-- Foreign keys pair tenant with tenant: no row can point at another tenant's.
alter table print_shop.canvas_sizes add constraint canvas_sizes_canvas_id_fkey foreign key (tenant_id, canvas_id) references print_shop.canvas_configurations (tenant_id, id) on delete cascade;
alter table print_shop.canvas_sizes add constraint canvas_sizes_size_code_fkey foreign key (tenant_id, size_code) references print_shop.size_configurations (tenant_id, code) on update cascade;
alter table print_shop.product_templates add constraint product_templates_based_on_fkey foreign key (tenant_id, based_on_id) references print_shop.product_templates (tenant_id, id) on delete set null (based_on_id);
alter table print_shop.product_templates add constraint product_templates_canvas_id_fkey foreign key (tenant_id, canvas_id) references print_shop.canvas_configurations (tenant_id, id);
alter table print_shop.mockups add constraint mockups_template_id_fkey foreign key (tenant_id, template_id) references print_shop.product_templates (tenant_id, id) on delete cascade;
alter table print_shop.mockups add constraint mockups_design_id_fkey foreign key (tenant_id, design_id) references print_shop.design_images (tenant_id, id) on delete set null (design_id);
alter table print_shop.mockups add constraint mockups_size_code_fkey foreign key (tenant_id, size_code) references print_shop.size_configurations (tenant_id, code);
alter table print_shop.template_designs add constraint template_designs_template_id_fkey foreign key (tenant_id, template_id) references print_shop.product_templates (tenant_id, id) on delete cascade;
alter table print_shop.template_designs add constraint template_designs_design_id_fkey foreign key (tenant_id, design_id) references print_shop.design_images (tenant_id, id) on delete cascade;
alter table print_shop.order_items add constraint order_items_order_id_fkey foreign key (tenant_id, order_id) references print_shop.orders (tenant_id, id) on delete cascade;
alter table print_shop.order_items add constraint order_items_template_id_fkey foreign key (tenant_id, template_id) references print_shop.product_templates (tenant_id, id);
alter table print_shop.order_items add constraint order_items_design_id_fkey foreign key (tenant_id, design_id) references print_shop.design_images (tenant_id, id) on delete set null (design_id);
alter table print_shop.order_items add constraint order_items_size_code_fkey foreign key (tenant_id, size_code) references print_shop.size_configurations (tenant_id, code);
alter table print_shop.print_log add constraint print_log_order_id_fkey foreign key (tenant_id, order_id) references print_shop.orders (tenant_id, id) on delete cascade;

-- The law of isolation: row-level security, its two policies, and who may do what.
select platform.protect_table('print_shop.canvas_configurations', '{"stamp": false}');
select platform.protect_table('print_shop.canvas_sizes', '{"stamp": false}');
select platform.protect_table('print_shop.design_images', '{"stamp": false}');
select platform.protect_table('print_shop.mockups', '{"stamp": false}');
select platform.protect_table('print_shop.order_items', '{"stamp": false}');
select platform.protect_table('print_shop.orders', '{"stamp": false}');
select platform.protect_table('print_shop.print_log', '{"stamp": false}');
select platform.protect_table('print_shop.product_templates', '{"stamp": false}');
select platform.protect_table('print_shop.size_configurations', '{"stamp": false}');
select platform.protect_table('print_shop.template_designs', '{"stamp": false}');

-- They group by the tenant, too.
create or replace view print_shop.order_totals with (security_invoker=true) as
 SELECT o.id,
    o.number,
    o.state,
    count(i.line) AS lines,
    COALESCE(sum(i.total_cents), 0::bigint) AS total_cents
   FROM print_shop.orders o
     LEFT JOIN print_shop.order_items i ON i.order_id = o.id
  WHERE o.deleted_at IS NULL
  GROUP BY o.tenant_id, o.id;

-- They are computed when they are read: a materialized view would hold the rows of all tenants.
create or replace view print_shop.template_sales with (security_invoker=true) as
 SELECT template_id,
    sum(quantity) AS pieces,
    sum(total_cents) AS total_cents
   FROM print_shop.order_items
  GROUP BY template_id;
grant select on print_shop.template_sales to rowhouse_api;

-- Views read with their caller's rights, so that the policies of their tables hold.
alter view print_shop.big_orders set (security_invoker = true);
alter view print_shop.live_templates set (security_invoker = true);

-- Requests may use them.
grant select on print_shop.big_orders to rowhouse_api;
grant select, insert, update, delete on print_shop.live_templates to rowhouse_api;
grant select on print_shop.order_totals to rowhouse_api;

-- Views through which rows are inserted end with tenant_id, by which an upsert finds the tenant's key.
create or replace view print_shop.live_templates with (security_invoker=true) as
 SELECT id,
    sku,
    title,
    based_on_id,
    canvas_id,
    settings,
    tags,
    custom_fields,
    words,
    created_at,
    updated_at,
    deleted_at,
    tenant_id
   FROM print_shop.product_templates
  WHERE deleted_at IS NULL;

-- Functions whose bodies would break on the new column.
set local check_function_bodies = off;
CREATE OR REPLACE FUNCTION print_shop.put_size(code text, width_mm integer, height_mm integer)
 RETURNS void
 LANGUAGE sql
AS $function$
  insert into print_shop.size_configurations (code, width_mm, height_mm) values (put_size.code, put_size.width_mm, put_size.height_mm)
  on conflict (tenant_id, code) do update set width_mm = excluded.width_mm, height_mm = excluded.height_mm
$function$;
set local check_function_bodies = on;

-- Functions: what every role could call, requests may; and a restore may, whose rows they check.
revoke all on routine
  print_shop.item_count(print_shop.orders),
  print_shop.place_order(bigint),
  print_shop.put_size(text,integer,integer),
  print_shop.touch_updated_at()
  from public;
grant execute on routine
  print_shop.item_count(print_shop.orders),
  print_shop.place_order(bigint),
  print_shop.put_size(text,integer,integer)
  to rowhouse_api, rowhouse_importer;

-- Down Migration
-- Back to one tenant: refused while there are rows of two. What there is stays rowhouse_owner's.

do $adopt$
declare
  adopted regclass;
  tenants integer;
begin
  foreach adopted in array array[
    'print_shop.canvas_configurations',
    'print_shop.canvas_sizes',
    'print_shop.design_images',
    'print_shop.mockups',
    'print_shop.order_items',
    'print_shop.orders',
    'print_shop.print_log',
    'print_shop.product_templates',
    'print_shop.size_configurations',
    'print_shop.template_designs'
  ]::regclass[] loop
    execute format('alter table %s no force row level security', adopted); -- or its owner would see no row
    execute format('select count(*) from (select from %s group by tenant_id limit 2) owners', adopted) into tenants;
    if tenants > 1 then
      raise exception '% has rows of more than one tenant', adopted using errcode = 'RH416',
        hint = 'A single-tenant schema holds one. Export the others, delete them, then take the migration back.';
    end if;
  end loop;
end
$adopt$;

revoke all on routine
  print_shop.item_count(print_shop.orders),
  print_shop.place_order(bigint),
  print_shop.put_size(text,integer,integer)
  from rowhouse_api, rowhouse_importer;
grant execute on routine
  print_shop.item_count(print_shop.orders),
  print_shop.place_order(bigint),
  print_shop.put_size(text,integer,integer),
  print_shop.touch_updated_at()
  to public;

set local check_function_bodies = off;
CREATE OR REPLACE FUNCTION print_shop.put_size(code text, width_mm integer, height_mm integer)
 RETURNS void
 LANGUAGE sql
AS $function$
  insert into print_shop.size_configurations (code, width_mm, height_mm) values (put_size.code, put_size.width_mm, put_size.height_mm)
  on conflict (code) do update set width_mm = excluded.width_mm, height_mm = excluded.height_mm
$function$;
set local check_function_bodies = on;

drop view print_shop.live_templates;
create view print_shop.live_templates with (security_invoker=true) as
 SELECT id,
    sku,
    title,
    based_on_id,
    canvas_id,
    settings,
    tags,
    custom_fields,
    words,
    created_at,
    updated_at,
    deleted_at
   FROM print_shop.product_templates
  WHERE deleted_at IS NULL;

revoke all on print_shop.big_orders from rowhouse_api;
revoke all on print_shop.live_templates from rowhouse_api;
revoke all on print_shop.order_totals from rowhouse_api;

alter view print_shop.big_orders reset (security_invoker);
alter view print_shop.live_templates reset (security_invoker);

create or replace view print_shop.template_sales as select null::bigint as template_id, null::bigint as pieces, null::bigint as total_cents;

create or replace view print_shop.order_totals as select null::bigint as id, null::text as number, null::print_shop.order_state as state, null::bigint as lines, null::bigint as total_cents;

select platform.release_table('print_shop.canvas_configurations');
drop policy tenant_access on print_shop.canvas_configurations;
drop policy tenant_floor on print_shop.canvas_configurations;
alter table print_shop.canvas_configurations disable row level security;
alter table print_shop.canvas_configurations no force row level security;
revoke all on print_shop.canvas_configurations from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.canvas_sizes');
drop policy tenant_access on print_shop.canvas_sizes;
drop policy tenant_floor on print_shop.canvas_sizes;
alter table print_shop.canvas_sizes disable row level security;
alter table print_shop.canvas_sizes no force row level security;
revoke all on print_shop.canvas_sizes from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.design_images');
drop policy tenant_access on print_shop.design_images;
drop policy tenant_floor on print_shop.design_images;
alter table print_shop.design_images disable row level security;
alter table print_shop.design_images no force row level security;
revoke all on print_shop.design_images from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.mockups');
drop policy tenant_access on print_shop.mockups;
drop policy tenant_floor on print_shop.mockups;
alter table print_shop.mockups disable row level security;
alter table print_shop.mockups no force row level security;
revoke all on print_shop.mockups from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.order_items');
drop policy tenant_access on print_shop.order_items;
drop policy tenant_floor on print_shop.order_items;
alter table print_shop.order_items disable row level security;
alter table print_shop.order_items no force row level security;
revoke all on print_shop.order_items from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.orders');
drop policy tenant_access on print_shop.orders;
drop policy tenant_floor on print_shop.orders;
alter table print_shop.orders disable row level security;
alter table print_shop.orders no force row level security;
revoke all on print_shop.orders from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.print_log');
drop policy tenant_access on print_shop.print_log;
drop policy tenant_floor on print_shop.print_log;
alter table print_shop.print_log disable row level security;
alter table print_shop.print_log no force row level security;
revoke all on print_shop.print_log from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.product_templates');
drop policy tenant_access on print_shop.product_templates;
drop policy tenant_floor on print_shop.product_templates;
alter table print_shop.product_templates disable row level security;
alter table print_shop.product_templates no force row level security;
revoke all on print_shop.product_templates from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.size_configurations');
drop policy tenant_access on print_shop.size_configurations;
drop policy tenant_floor on print_shop.size_configurations;
alter table print_shop.size_configurations disable row level security;
alter table print_shop.size_configurations no force row level security;
revoke all on print_shop.size_configurations from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;
select platform.release_table('print_shop.template_designs');
drop policy tenant_access on print_shop.template_designs;
drop policy tenant_floor on print_shop.template_designs;
alter table print_shop.template_designs disable row level security;
alter table print_shop.template_designs no force row level security;
revoke all on print_shop.template_designs from rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover;

alter table print_shop.print_log drop constraint print_log_order_id_fkey;
alter table print_shop.order_items drop constraint order_items_size_code_fkey;
alter table print_shop.order_items drop constraint order_items_design_id_fkey;
alter table print_shop.order_items drop constraint order_items_template_id_fkey;
alter table print_shop.order_items drop constraint order_items_order_id_fkey;
alter table print_shop.template_designs drop constraint template_designs_design_id_fkey;
alter table print_shop.template_designs drop constraint template_designs_template_id_fkey;
alter table print_shop.mockups drop constraint mockups_size_code_fkey;
alter table print_shop.mockups drop constraint mockups_design_id_fkey;
alter table print_shop.mockups drop constraint mockups_template_id_fkey;
alter table print_shop.product_templates drop constraint product_templates_canvas_id_fkey;
alter table print_shop.product_templates drop constraint product_templates_based_on_fkey;
alter table print_shop.canvas_sizes drop constraint canvas_sizes_size_code_fkey;
alter table print_shop.canvas_sizes drop constraint canvas_sizes_canvas_id_fkey;

alter table print_shop.print_log drop column tenant_row_id;

alter table print_shop.canvas_configurations drop column tenant_id;
alter table print_shop.canvas_sizes drop column tenant_id;
alter table print_shop.design_images drop column tenant_id;
alter table print_shop.mockups drop column tenant_id;
alter table print_shop.order_items drop column tenant_id;
alter table print_shop.orders drop column tenant_id;
alter table print_shop.print_log drop column tenant_id;
alter table print_shop.product_templates drop column tenant_id;
alter table print_shop.size_configurations drop column tenant_id;
alter table print_shop.template_designs drop column tenant_id;

CREATE INDEX canvas_sizes_size ON print_shop.canvas_sizes USING btree (size_code);
CREATE INDEX mockups_design ON print_shop.mockups USING btree (design_id);
CREATE INDEX order_items_template ON print_shop.order_items USING btree (template_id);
CREATE UNIQUE INDEX orders_number_key ON print_shop.orders USING btree (number) WHERE (deleted_at IS NULL);
CREATE INDEX orders_state ON print_shop.orders USING btree (state, placed_at DESC);
CREATE INDEX product_templates_title ON print_shop.product_templates USING btree (lower(title) text_pattern_ops) WHERE (deleted_at IS NULL);

alter table print_shop.canvas_configurations add constraint canvas_configurations_name_key UNIQUE (name);
alter table print_shop.canvas_configurations add constraint canvas_configurations_pkey PRIMARY KEY (id);
alter table print_shop.canvas_sizes add constraint canvas_sizes_pkey PRIMARY KEY (canvas_id, size_code);
alter table print_shop.design_images add constraint design_images_checksum_key UNIQUE (checksum);
alter table print_shop.design_images add constraint design_images_pkey PRIMARY KEY (id);
alter table print_shop.mockups add constraint mockups_pkey PRIMARY KEY (template_id, "position");
alter table print_shop.order_items add constraint order_items_pkey PRIMARY KEY (order_id, line);
alter table print_shop.orders add constraint orders_pkey PRIMARY KEY (id);
alter table print_shop.product_templates add constraint product_templates_pkey PRIMARY KEY (id);
alter table print_shop.product_templates add constraint product_templates_sku_key UNIQUE (sku);
alter table print_shop.size_configurations add constraint size_configurations_pkey PRIMARY KEY (code);
alter table print_shop.template_designs add constraint template_designs_pkey PRIMARY KEY (template_id, design_id);

alter table print_shop.canvas_sizes add constraint canvas_sizes_canvas_id_fkey FOREIGN KEY (canvas_id) REFERENCES print_shop.canvas_configurations(id) ON DELETE CASCADE;
alter table print_shop.canvas_sizes add constraint canvas_sizes_size_code_fkey FOREIGN KEY (size_code) REFERENCES print_shop.size_configurations(code) ON UPDATE CASCADE;
alter table print_shop.product_templates add constraint product_templates_based_on_fkey FOREIGN KEY (based_on_id) REFERENCES print_shop.product_templates(id) ON DELETE SET NULL;
alter table print_shop.product_templates add constraint product_templates_canvas_id_fkey FOREIGN KEY (canvas_id) REFERENCES print_shop.canvas_configurations(id);
alter table print_shop.mockups add constraint mockups_template_id_fkey FOREIGN KEY (template_id) REFERENCES print_shop.product_templates(id) ON DELETE CASCADE;
alter table print_shop.mockups add constraint mockups_design_id_fkey FOREIGN KEY (design_id) REFERENCES print_shop.design_images(id) ON DELETE SET NULL;
alter table print_shop.mockups add constraint mockups_size_code_fkey FOREIGN KEY (size_code) REFERENCES print_shop.size_configurations(code);
alter table print_shop.template_designs add constraint template_designs_template_id_fkey FOREIGN KEY (template_id) REFERENCES print_shop.product_templates(id) ON DELETE CASCADE;
alter table print_shop.template_designs add constraint template_designs_design_id_fkey FOREIGN KEY (design_id) REFERENCES print_shop.design_images(id) ON DELETE CASCADE;
alter table print_shop.order_items add constraint order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES print_shop.orders(id) ON DELETE CASCADE;
alter table print_shop.order_items add constraint order_items_template_id_fkey FOREIGN KEY (template_id) REFERENCES print_shop.product_templates(id);
alter table print_shop.order_items add constraint order_items_design_id_fkey FOREIGN KEY (design_id) REFERENCES print_shop.design_images(id) ON DELETE SET NULL;
alter table print_shop.order_items add constraint order_items_size_code_fkey FOREIGN KEY (size_code) REFERENCES print_shop.size_configurations(code);
alter table print_shop.print_log add constraint print_log_order_id_fkey FOREIGN KEY (order_id) REFERENCES print_shop.orders(id) ON DELETE CASCADE;

drop view print_shop.template_sales;
create materialized view print_shop.template_sales as
 SELECT template_id,
    sum(quantity) AS pieces,
    sum(total_cents) AS total_cents
   FROM print_shop.order_items
  GROUP BY template_id;

create or replace view print_shop.order_totals as
 SELECT o.id,
    o.number,
    o.state,
    count(i.line) AS lines,
    COALESCE(sum(i.total_cents), 0::bigint) AS total_cents
   FROM print_shop.orders o
     LEFT JOIN print_shop.order_items i ON i.order_id = o.id
  WHERE o.deleted_at IS NULL
  GROUP BY o.id;

select platform.remove_schema('print_shop');
