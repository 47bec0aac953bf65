import type { DbClient } from "../db/connections.ts";
import { NOT_EXTENSIONS, readList } from "./read-list.ts";
import type { Constraint, Index } from "./schema.ts";

const columnNames = (table: string, keys: string) => `array(select quote_ident(a.attname)
    from unnest(${keys}) with ordinality key (attnum, ord)
    join pg_attribute a on a.attrelid = ${table} and a.attnum = key.attnum order by key.ord)`;

const hasTenant = (table: string, keys: string) => `exists (select from pg_attribute a
    where a.attrelid = ${table} and a.attname = 'tenant_id' and a.attnum = any (${keys}))`;

/**
 * Keys of our tables, and foreign keys of others' tables to ours. A partition's copy of its parent's key is left out, and so is
 * what a foreign key to a partitioned table has for each of its partitions (conparentid). conperiod and conenforced are new in
 * PostgreSQL 18: by way of jsonb, the names may be missing. Foreign keys come in the order that they were made in: their triggers fire in
 * it, so that of several which forbid a change the same one speaks as before.
 */
const CONSTRAINTS = `
  select k.conrelid::bigint as table, quote_ident(k.conname) as identifier, k.conname as name, k.contype as kind,
    pg_get_constraintdef(k.oid) as definition, am.amname as method,
    ${columnNames("k.conrelid", "k.conkey")} as columns,
    case when k.contype = 'f' then json_build_object(
      'table', k.confrelid::bigint,
      'identifier', format('%I.%I', fn.nspname, f.relname),
      'isOurs', fn.nspname = any ($1),
      'hasTenant', exists (select from pg_attribute a where a.attrelid = f.oid and a.attname = 'tenant_id' and not a.attisdropped),
      'columns', ${columnNames("k.confrelid", "k.confkey")},
      'match', k.confmatchtype, 'onUpdate', k.confupdtype, 'onDelete', k.confdeltype,
      'deleteColumns', ${columnNames("k.conrelid", "k.confdelsetcols")},
      'suffix', concat(case when k.condeferrable then ' deferrable' end, case when k.condeferred then ' initially deferred' end,
        case when to_jsonb(k) ->> 'conenforced' = 'false' then ' not enforced' when not k.convalidated then ' not valid' end),
      'period', coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false),
      'outsider', case when n.nspname <> all ($1) then format('%I.%I', n.nspname, c.relname) end
    ) end as referenced,
    ${hasTenant("k.conrelid", "k.conkey")} as "hasTenant",
    obj_description(k.oid, 'pg_constraint') as comment,
    quote_ident(n.nspname) || '.' || quote_ident(ic.relname) as index, coalesce(ic.reloptions, '{}') as storage
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_class f on f.oid = k.confrelid
  left join pg_namespace fn on fn.oid = f.relnamespace
  left join pg_class ic on ic.oid = k.conindid and k.contype <> 'f'
  left join pg_am am on am.oid = ic.relam
  where k.contype in ('p', 'u', 'x', 'f') and k.conparentid = 0 and k.coninhcount = 0
    and (n.nspname = any ($1) or fn.nspname = any ($1))
    and ${NOT_EXTENSIONS}
  order by k.contype = 'f', case when k.contype = 'f' then k.oid end, array_position($1, n.nspname), c.relname, k.conname`;

/** Indexes that no constraint made, and that are no part of a partitioned one. */
const INDEXES = `
  select x.indrelid::bigint as table, format('%I.%I', n.nspname, c.relname) as "tableIdentifier",
    format('%I.%I', n.nspname, i.relname) as identifier, quote_ident(i.relname) as name,
    pg_get_indexdef(i.oid) as definition, am.amname as method, x.indisunique as "isUnique", x.indnkeyatts as "columnCount",
    ${hasTenant("x.indrelid", "x.indkey::smallint[]")} as "hasTenant",
    obj_description(i.oid, 'pg_class') as comment
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  join pg_am am on am.oid = i.relam
  join pg_class c on c.oid = x.indrelid and c.relkind in ('r', 'p')
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1) and ${NOT_EXTENSIONS}
    and not exists (select from pg_constraint k where k.conindid = i.oid and k.contype in ('p', 'u', 'x'))
    and not exists (select from pg_inherits h where h.inhrelid = i.oid)
  order by array_position($1, n.nspname), c.relname, i.relname`;

export function readConstraints(client: DbClient, schemas: readonly string[]): Promise<Constraint[]> {
  return readList(client, CONSTRAINTS, schemas);
}

export function readIndexes(client: DbClient, schemas: readonly string[]): Promise<Index[]> {
  return readList(client, INDEXES, schemas);
}
