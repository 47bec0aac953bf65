-- protect_table(): the whole law of one table, in one call, safe to call again. Run as rowhouse_owner.

-- Every key of a table must carry tenant_id: foreign-key checks bypass row-level security, and a unique key without it tells one
-- tenant what another has (threats.md, D15, D16). Returns one line per key that does not, with the fix.
create or replace function platform.keys_without_tenant(in_table regclass)
returns table (key_name name, problem text, fix text)
language sql stable as $$
  with tenant_column as not materialized (
    select attrelid, attnum from pg_catalog.pg_attribute where attname = 'tenant_id' and not attisdropped
  )
  select i.relname, format('%s %I of %s does not contain tenant_id',
      case when x.indisprimary then 'the primary key' when x.indisexclusion then 'the exclusion constraint' else 'the unique key' end,
      i.relname, in_table),
    format('declare it as %s (tenant_id, %s)', case when x.indisprimary then 'primary key' else 'unique' end,
      (select string_agg(coalesce(quote_ident(a.attname), '…'), ', ' order by k.ord)
       from unnest(x.indkey::smallint[]) with ordinality k (attnum, ord)
       left join pg_catalog.pg_attribute a on a.attrelid = in_table and a.attnum = k.attnum and k.attnum <> 0))
  from pg_catalog.pg_index x
  join pg_catalog.pg_class i on i.oid = x.indexrelid
  left join tenant_column t on t.attrelid = x.indrelid
  where x.indrelid = in_table and (x.indisunique or x.indisexclusion)
    and not coalesce(t.attnum = any ((x.indkey::smallint[])[0:x.indnkeyatts - 1]), false)
  union all
  select c.conname, format('the foreign key %I of %s %s', c.conname, in_table,
      case when t.attnum is null or not t.attnum = any (c.conkey) then 'does not contain tenant_id'
           else 'does not pair tenant_id with the tenant_id of ' || c.confrelid::regclass::text end),
    format('declare it as foreign key (tenant_id, …) references %s (tenant_id, …)', c.confrelid::regclass)
  from pg_catalog.pg_constraint c
  join tenant_column r on r.attrelid = c.confrelid
  left join tenant_column t on t.attrelid = c.conrelid
  where c.conrelid = in_table and c.contype = 'f'
    and not exists (
      select from unnest(c.conkey, c.confkey) pair (here, there) where pair.here = t.attnum and pair.there = r.attnum
    )
  union all
  select c.conname, format('the foreign key %I of %s would set tenant_id to null', c.conname, in_table),
    'name the column: on delete set null (column)'
  from pg_catalog.pg_constraint c
  join tenant_column t on t.attrelid = c.conrelid
  where c.conrelid = in_table and c.contype = 'f' and t.attnum = any (c.conkey)
    and (c.confupdtype in ('n', 'd')
      or (c.confdeltype in ('n', 'd') and t.attnum = any (coalesce(nullif(c.confdelsetcols, '{}'), c.conkey))))
$$;

-- The policy text, made in this one place: `(select …)` so that a statement asks once and not once a row.
create or replace function platform.policy_test() returns text
language sql immutable as $$ select '(tenant_id = (select platform.current_tenant()))' $$;

-- Who may touch rows at all. What Rowhouse keeps for a tenant its owner may, too: definer's functions of the platform read it (admit())
-- and write it (audit_rows()), under the same policies and in the tenant's context. Without a context the owner gets an error.
create or replace function platform.access_roles(in_table regclass) returns name[]
language sql stable as $$
  select array['rowhouse_api', 'rowhouse_platform', 'rowhouse_exporter', 'rowhouse_importer']::name[]
    || case when n.nspname = 'tenant' then array['rowhouse_owner']::name[] end
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = in_table
$$;

-- Whether both policies stand as protect_rows() makes them. Compared as PostgreSQL prints them back, which is the same on 15 to 18.
create or replace function platform.has_tenant_policies(in_table regclass) returns boolean
language sql stable as $$
  select c.relrowsecurity and c.relforcerowsecurity and 2 = (
    select count(*) from pg_catalog.pg_policy p
    where p.polrelid = c.oid and p.polcmd = '*'
      and pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = ( SELECT platform.current_tenant() AS current_tenant))'
      and pg_get_expr(p.polwithcheck, p.polrelid) = pg_get_expr(p.polqual, p.polrelid)
      and case p.polname
        when 'tenant_floor' then not p.polpermissive and p.polroles = '{0}'
        when 'tenant_access' then p.polpermissive and p.polroles @> array(
            select r.oid from pg_catalog.pg_roles r
            where r.rolname = any (platform.access_roles(in_table)))
          and cardinality(p.polroles) = cardinality(platform.access_roles(in_table))
        else false end)
  from pg_catalog.pg_class c where c.oid = in_table
$$;

-- Changes nothing where nothing is to change, so that a migrate of a busy database takes no lock on its tables.
create or replace function platform.protect_rows(in_table regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  test constant text := platform.policy_test();
begin
  if platform.has_tenant_policies(in_table) then
    return;
  end if;
  execute format('alter table %s enable row level security', in_table);
  execute format('alter table %s force row level security', in_table);
  execute format('drop policy if exists tenant_access on %s', in_table);
  execute format('drop policy if exists tenant_floor on %s', in_table);
  execute format('create policy tenant_access on %s as permissive for all to %s using %s with check %s', in_table,
    array_to_string(platform.access_roles(in_table), ', '), test, test);
  -- Restrictive and for everyone: whatever permissive policy an app adds later, it can only narrow.
  execute format('create policy tenant_floor on %s as restrictive for all to public using %s with check %s', in_table, test, test);
end $$;

-- The key that `rowhouse adopt` gives a table that had none. It is hidden from requests as tenant_id is, and written by its default
-- alone; archives and moves carry it as any other column. Null where the table has a key of its own.
create or replace function platform.hidden_key(in_table regclass) returns name
language sql stable as $$
  select max(a.attname::text)::name
  from pg_catalog.pg_constraint c
  join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
  where c.conrelid = in_table and c.contype = 'p' and cardinality(c.conkey) = 2
  having array_agg(a.attname::text order by a.attname) = '{tenant_id,tenant_row_id}'
$$;

-- What requests may touch of Rowhouse's own tables: what members may read without what is secret in it, and of what a tenant's own
-- administrators keep, the columns that are theirs to write. Which member may do it is for the policies of access.sql.
create or replace function platform.open_table(in_table regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  -- tenant_id as well: generated SQL compares it, as row-level security does. The API shows it nowhere.
  readable constant text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = in_table and attnum > 0 and not attisdropped and attname not in ('hash', 'password'));
  own constant text[] := case in_table::text
    when 'tenant.settings' then '{id,name,value,is_public}'
    when 'tenant.locations' then '{id,code,name,address,is_active}'
    when 'tenant.feature_flags' then '{id,name,is_enabled,payload}'
    when 'tenant.roles' then '{id,name,description}'
    when 'tenant.permissions' then '{id,role,table_name,verb}'
    when 'tenant.users' then '{name,job_title,department,tags,custom,role,is_active}' end; -- the last two by members.sql
  -- A restore may have brought this database to a version that has fewer.
  writable constant text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = in_table and attnum > 0 and not attisdropped and attname = any (own));
begin
  if platform.table_kind(in_table) = 'none' then
    return;
  end if;
  -- xmax as well: by it an upsert tells which rows are new.
  execute format('grant select (%s, xmax) on %s to rowhouse_api', readable, in_table);
  if writable is not null and in_table::text = 'tenant.users' then
    execute format('grant update (%s) on %s to rowhouse_api', writable, in_table);
  elsif writable is not null then
    execute format('grant insert (%s), update (%1$s), delete on %s to rowhouse_api', writable, in_table);
  end if;
end $$;

-- Who may do what with the columns. tenant_id can be neither written nor given: the default is its only source. What Rowhouse
-- keeps per tenant is written by the control plane, and only read by requests.
create or replace function platform.protect_columns(in_table regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  is_platforms boolean;
  columns text;
  request_columns text;
  sequence regclass;
begin
  select n.nspname = 'tenant' into is_platforms
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = in_table;
  select string_agg(quote_ident(attname), ', ' order by attnum),
      string_agg(quote_ident(attname), ', ' order by attnum) filter (where attname is distinct from platform.hidden_key(in_table))
    into columns, request_columns
    from pg_attribute
    where attrelid = in_table and attnum > 0 and not attisdropped and attname <> 'tenant_id' and attgenerated = '';
  execute format('revoke all on %s from public, rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover', in_table);
  execute format('grant select, delete on %s to rowhouse_platform', in_table);
  if is_platforms then
    perform platform.open_table(in_table);
    if in_table::text <> 'tenant.audit_events' then -- platform.record_event() writes those
      execute format('grant insert (%s), update (%1$s) on %s to rowhouse_platform', columns, in_table);
    end if;
  else
    execute format('grant select, delete on %s to rowhouse_api', in_table);
    if request_columns is not null then -- a table may have had no column but those that Rowhouse gave it
      execute format('grant insert (%s), update (%1$s) on %s to rowhouse_api', request_columns, in_table);
    end if;
  end if;
  execute format('grant select on %s to rowhouse_exporter', in_table);
  execute format('grant select, delete, insert (%s) on %s to rowhouse_importer', columns, in_table);
  execute format('grant select, insert, delete on %s to rowhouse_mover', in_table);
  for sequence in
    select d.objid from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.refobjid = in_table and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i') -- of serial and of identity columns
  loop
    execute format('revoke all on sequence %s from public, rowhouse_api', sequence);
    execute format('grant usage on sequence %s to rowhouse_api, rowhouse_importer', sequence);
  end loop;
end $$;

-- It took no options once.
drop function if exists platform.protect_table(regclass);

/*
 * Gives a table all of the law: tenant_id (added when missing and the table is empty), not null, defaulting to the current
 * tenant; row-level security on and forced; the two policies; the grants; the policies of its members (access.sql); stamps and audit
 * (audit.sql). Partitions get the first three and no grant. `in_options` are those of set_options(); left out, they stay what they were.
 * Raises RH416 when the table can't be protected as it stands, or an option, RH414 when a key does not carry tenant_id.
 */
create or replace function platform.protect_table(in_table regclass, in_options jsonb default null) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  kind "char";
  in_schema name;
  column_type oid;
  has_rows boolean;
  bad record;
  child regclass;
begin
  select c.relkind, n.nspname into kind, in_schema
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = in_table;
  if in_schema not in (select platform.tenant_schemas()) or kind not in ('r', 'p') then
    raise exception '% is not a table of schema %', in_table,
      (select string_agg(quote_ident(s), ' or ') from platform.app_schemas() s)
      using errcode = 'RH416',
        hint = 'Create the table in such a schema, or register its schema: select platform.add_schema(…). '
          || 'Views need no protection of their own: declare them with (security_invoker = true).';
  end if;

  -- A partition gets no grants of its own, so it is the whole that is protected anew.
  if (select relispartition from pg_class where oid = in_table) then
    perform platform.protect_table(pg_partition_root(in_table), in_options);
    return;
  end if;
  if in_options is not null then
    perform platform.set_options(in_table, in_options);
  end if;

  select atttypid into column_type from pg_attribute where attrelid = in_table and attname = 'tenant_id' and not attisdropped;
  if column_type is null then
    execute format('select exists (select from %s)', in_table) into has_rows;
    if has_rows then
      raise exception '% has rows and no tenant_id', in_table using errcode = 'RH416',
        hint = 'Add the column and say whose the rows are, before protect_table.';
    end if;
    execute format('alter table %s add column tenant_id uuid', in_table);
  elsif column_type <> 'uuid'::regtype then
    raise exception 'tenant_id of % is %, not uuid', in_table, column_type::regtype using errcode = 'RH416',
      hint = 'Declare it as tenant_id uuid.';
  end if;
  if not exists (
    select from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = in_table and a.attname = 'tenant_id' and a.attnotnull
      and pg_get_expr(d.adbin, d.adrelid) = 'platform.current_tenant()'
  ) then
    execute format('alter table %s alter column tenant_id set default platform.current_tenant(), alter column tenant_id set not null', in_table);
  end if;

  select string_agg(problem || ': ' || fix, e'\n' order by key_name) as problems into bad from platform.keys_without_tenant(in_table);
  if bad.problems is not null then
    raise exception 'Keys of % must carry tenant_id', in_table using errcode = 'RH414', detail = bad.problems,
      hint = 'Change each key as it says, then call protect_table again.';
  elsif not exists (select from pg_constraint where conrelid = in_table and contype = 'p') then
    raise exception '% has no primary key', in_table using errcode = 'RH414',
      hint = 'Add primary key (tenant_id, id): export, promotion and the API name rows by it.';
  end if;

  perform platform.protect_rows(in_table);
  perform platform.protect_columns(in_table);
  perform platform.protect_members(in_table);
  perform platform.protect_history(in_table);
  for child in
    with recursive below as (
      select inhrelid from pg_inherits where inhparent = in_table
      union select i.inhrelid from pg_inherits i join below b on i.inhparent = b.inhrelid
    )
    select inhrelid from below
  loop
    perform platform.protect_rows(child);
    execute format('revoke all on %s from public, rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover', child);
  end loop;
end $$;

-- Takes back what access.sql and audit.sql attached to a table, and what it was given: for the Down part of a migration that protected it.
create or replace function platform.release_table(in_table regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  attached text;
begin
  for attached in
    select format('drop policy %I on %s', p.polname, in_table) from pg_policy p
      where p.polrelid = in_table and p.polname ~ '^(member|own_rows)_(select|insert|update|delete)$'
    union all
    select format('drop trigger %I on %s', t.tgname, in_table) from pg_trigger t
      where t.tgrelid = in_table and not t.tgisinternal and t.tgparentid = 0 and t.tgname ~ '^rowhouse_(stamp|audit_)'
  loop
    execute attached;
  end loop;
  delete from platform.table_options o using pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = in_table and o.schema_name = n.nspname and o.table_name = c.relname;
end $$;

-- Whether a table belongs to an extension and requests may only read it.
create or replace function platform.is_extensions(in_table regclass) returns boolean
language sql stable as $$
  select exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = in_table and d.deptype = 'e')
    and not has_any_column_privilege('rowhouse_api', in_table, 'insert, update')
    and not has_table_privilege('rowhouse_api', in_table, 'delete, truncate')
$$;

-- Tables of tenant and of the app's schemas that live outside the law. What an extension brings, such as postgis's spatial_ref_sys, is
-- the same for every tenant as long as no request may write it.
create or replace function platform.unprotected_tables() returns setof regclass
language sql stable as $$
  select c.oid::regclass
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname in (select platform.tenant_schemas()) and c.relkind in ('r', 'p')
    and not platform.has_tenant_policies(c.oid)
    and not platform.is_extensions(c.oid)
  order by 1
$$;

-- Called at the end of every migration, in its transaction. Raises RH413.
create or replace function platform.assert_protected() returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  bare text;
  first_bare text;
begin
  select string_agg(t::text, ', '), min(t::text) into bare, first_bare from platform.unprotected_tables() t;
  if bare is not null then
    raise exception 'Not protected: %', bare using errcode = 'RH413',
      hint = format('Add to the migration, after creating the table:  select platform.protect_table(%L);', first_bare);
  end if;
end $$;

revoke all on function platform.keys_without_tenant(regclass), platform.policy_test(), platform.access_roles(regclass),
  platform.has_tenant_policies(regclass), platform.hidden_key(regclass), platform.protect_rows(regclass), platform.open_table(regclass),
  platform.protect_columns(regclass), platform.protect_table(regclass, jsonb), platform.release_table(regclass), platform.is_extensions(regclass),
  platform.unprotected_tables(), platform.assert_protected() from public;
-- What the server asks before it says that it is ready.
grant execute on function platform.unprotected_tables(), platform.has_tenant_policies(regclass), platform.access_roles(regclass),
  platform.is_extensions(regclass) to rowhouse_platform;
