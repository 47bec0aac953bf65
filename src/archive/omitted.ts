import type { DbClient } from "../db/connections.ts";

/** Something of the database that an archive can't have, because no way leads from it to one tenant. */
export interface Omitted {
  /** `schema.relation`, or `schema.table.column` */
  readonly relation: string;
  /** The rest of a sentence about it. */
  readonly why: string;
}

/*
 * Of the app's schemas and tenant: what is no table with tenant_id, and columns of large objects, whose content lies in pg_largeobject for all
 * tenants. Of other schemas: tables that say themselves that they belong to tenants. What an extension brought is its own.
 */
const OMITTED = `
  with relations as (
    select c.oid, c.relkind, n.nspname, n.nspname || '.' || c.relname as relation, n.nspname in (select platform.tenant_schemas()) as ours,
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as has_tenant
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'm') and not c.relispartition
      and n.nspname not in ('pg_catalog', 'information_schema', 'platform') and n.nspname !~ '^pg_(toast|temp)'
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  )
  select relation, case relkind
      when 'f' then 'is a foreign table: its rows are kept elsewhere'
      when 'm' then 'is a materialized view: refresh it after a restore'
      else 'has no tenant_id: nothing says whose its rows are' end as why
    from relations where ours and (relkind in ('f', 'm') or not has_tenant)
  union all
  select relation, 'is outside the app''s schemas and tenant, and speaks of tenants'
    from relations r where not ours and (has_tenant
      or exists (select from pg_constraint k where k.conrelid = r.oid and k.confrelid = to_regclass('platform.tenants')))
  union all
  select relation || '.' || a.attname, 'holds numbers of large objects, whose content is not exported'
    from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    where ours and has_tenant and (t.oid = 'oid'::regtype or (t.typname = 'lo' and t.typbasetype = 'oid'::regtype))
  order by 1`;

/** What may hold something of a tenant and can't be exported, in order of name. */
export async function readOmitted(client: DbClient): Promise<Omitted[]> {
  const { rows } = await client.query<{ relation: string; why: string }>(OMITTED);
  return rows.map(({ relation, why }) => ({ relation, why }));
}
