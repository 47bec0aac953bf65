import type { DbClient } from "../db/connections.ts";
import { GRANTED_COLUMNS, granteesOf, NOT_EXTENSIONS, readList, WITH_COLUMNS } from "./read-list.ts";
import type { Sequence, Table } from "./schema.ts";

/** Rules of a relation, as a JSON array; each view is one select rule of the name _RETURN. */
export const RULES = `(select coalesce(json_agg(json_build_object('name', quote_ident(w.rulename),
      'definition', pg_get_ruledef(w.oid),
      'event', case w.ev_type when '1' then 'select' when '2' then 'update' when '3' then 'insert' else 'delete' end,
      'instead', w.is_instead, 'isConditional', w.ev_qual <> '<>') order by w.rulename), '[]')
    from pg_rewrite w where w.ev_class = c.oid and w.rulename <> '_RETURN')`;

const TABLES = `
  select c.oid::bigint as oid, n.nspname as schema, c.relname as name, format('%I.%I', n.nspname, c.relname) as identifier,
    quote_ident(c.relname) as "bareIdentifier",
    array(select quote_ident(a.attname) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
    c.relkind = 'p' as "isPartitioned", c.relispartition as "isPartition",
    array(select format('%I.%I', pn.nspname, p.relname) from pg_inherits i
      join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
      where i.inhrelid = c.oid and not c.relispartition order by i.inhseqno) as parents,
    exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant_floor') as "isProtected",
    (select format_type(a.atttypid, a.atttypmod) from pg_attribute a
      where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as "tenantColumn",
    exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_row_id' and not a.attisdropped) as "hasRowKey",
    exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p') as "hasPrimaryKey",
    c.reloftype <> 0 as "isTyped", c.relrowsecurity as "isSecured", c.relforcerowsecurity as "isForced",
    array(
      select distinct format('%I.%I.%I', hn.nspname, h.relname, a.attname)
      from pg_attribute a
      join pg_class h on h.oid = a.attrelid and h.relkind in ('r', 'p', 'm')
      join pg_namespace hn on hn.oid = h.relnamespace
      join pg_type t on t.oid = a.atttypid
      where not a.attisdropped and a.attnum > 0
        and (t.oid = c.reltype or t.typelem = c.reltype or t.typbasetype = c.reltype)
    ) as "heldBy",
    array(select quote_ident(a.attname) from pg_partitioned_table p
      cross join unnest(p.partattrs::smallint[]) with ordinality key (attnum, ord)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = key.attnum
      where p.partrelid = c.oid and key.attnum <> 0 order by key.ord) as "partitionColumns",
    exists (select from pg_partitioned_table p where p.partrelid = c.oid and 0 = any (p.partattrs::smallint[])) as "hasPartitionExpression",
    array(select quote_ident(p.polname) from pg_policy p where p.polrelid = c.oid and p.polname not in ('tenant_floor', 'tenant_access') and p.polname !~ '^(member|own_rows)_(select|insert|update|delete)$'
      order by p.polname) as policies,
    ${RULES} as rules,
    (select quote_ident(ic.relname) from pg_index x join pg_class ic on ic.oid = x.indexrelid
      where x.indrelid = c.oid and x.indisreplident) as "replicaIndex",
    pg_total_relation_size(c.oid) as bytes,
    ${granteesOf(WITH_COLUMNS, "c.relowner")} as grantees,
    ${GRANTED_COLUMNS} as "grantedColumns"
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1) and c.relkind in ('r', 'p') and ${NOT_EXTENSIONS}
  order by array_position($1, n.nspname), c.relname`;

/** Those that no column owns: the others go with their tables. */
const SEQUENCES = `
  select format('%I.%I', n.nspname, c.relname) as identifier,
    exists (select from aclexplode(c.relacl) a where a.grantee = 0) as "isPublic",
    exists (select from aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
      where r.rolname = 'rowhouse_api' and a.privilege_type = 'USAGE') as "isGranted",
    exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner)
      or exists (select from pg_depend d where d.refobjid = c.oid and d.classid = 'pg_attrdef'::regclass) as "isUsed"
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1) and c.relkind = 'S' and ${NOT_EXTENSIONS}
    and not exists (select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))
  order by array_position($1, n.nspname), c.relname`;

const FOREIGN_TABLES = `
  select format('%I.%I', n.nspname, c.relname) as identifier
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1) and c.relkind = 'f' and ${NOT_EXTENSIONS}
  order by 1`;

export function readTables(client: DbClient, schemas: readonly string[]): Promise<Table[]> {
  return readList(client, TABLES, schemas);
}

export function readSequences(client: DbClient, schemas: readonly string[]): Promise<Sequence[]> {
  return readList(client, SEQUENCES, schemas);
}

export async function readForeignTables(client: DbClient, schemas: readonly string[]): Promise<string[]> {
  const found = await readList<{ identifier: string }>(client, FOREIGN_TABLES, schemas);
  return found.map(({ identifier }) => identifier);
}
