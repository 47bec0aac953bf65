-- title: Row-level security keeps an index from serving any filter
-- threat: D17 L25
select
  'info' as level,
  format('%I.%I', n.nspname, i.relname) as key,
  format('index %I.%I on %I', n.nspname, i.relname, c.relname) as object,
  case
    when lead.attnum is null then 'All of its columns say whose the row is, and nothing more.'
    when lead.attnum = 0 then 'It is of an expression, and the functions in it are not leakproof: no request''s filter gets to it.'
    when not lead.serves then format('No operator of %s on %I is leakproof: a request''s filter is looked at row by row%s.', am.amname, lead.attname,
      case when am.amname = 'btree' then ', and only its order is of use' else '' end)
    else 'It does not begin with tenant_id: a request reads every tenant''s entries to find its own.'
  end as detail,
  case
    when lead.attnum = 0 then 'Keep the value in a column: generated always as (…) stored, and index (tenant_id, column).'
    when lead.attnum is null or not lead.serves then 'Drop it, or filter by what is leakproof: text, uuid, integers, dates and booleans, in an index (tenant_id, column); docs/how-to/index-for-row-level-security.md.'
    else format('create index on %I.%I (tenant_id, %I)', n.nspname, c.relname, lead.attname)
  end as fix
from pg_catalog.pg_index x
join pg_catalog.pg_class i on i.oid = x.indexrelid
join pg_catalog.pg_am am on am.oid = i.relam
join pg_catalog.pg_class c on c.oid = x.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
-- The first column that is not tenant_id decides: those behind it narrow what it found.
left join lateral (
  select k.attnum, k.ord, a.attname, exists (
      select from pg_catalog.pg_opclass o
      join pg_catalog.pg_amop m on m.amopfamily = o.opcfamily and m.amoppurpose = 's' and m.amoplefttype = o.opcintype
      join pg_catalog.pg_operator p on p.oid = m.amopopr
      join pg_catalog.pg_proc f on f.oid = p.oprcode
      where o.oid = (x.indclass::oid[])[k.ord - 1] and f.proleakproof
    ) as serves
  from unnest(x.indkey::smallint[]) with ordinality k (attnum, ord)
  left join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum and k.attnum <> 0
  where k.ord <= x.indnkeyatts and a.attname is distinct from 'tenant_id'
  order by k.ord limit 1
) lead on true
where n.nspname in (select s.name from platform.schemas s)
  and c.relkind in ('r', 'p') and not c.relispartition
  and x.indisvalid
  -- What keeps rows apart is needed as it is; so is what the owner's foreign-key checks look in.
  and not x.indisunique and not x.indisexclusion
  and exists (select from pg_catalog.pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped)
  and (lead.attnum is null or lead.attnum = 0 or not lead.serves or lead.ord = 1)
