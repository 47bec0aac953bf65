import type { DbClient } from "../db/connections.ts";
import { OWNED_OBJECTS } from "./owners.ts";
import { readList } from "./read-list.ts";
import type { NamespaceFacts, ServerFacts } from "./schema.ts";

const NAMESPACES = `
  select n.nspname as name, quote_ident(n.nspname) as identifier, pg_get_userbyid(n.nspowner) as owner, false as registered,
    (n.nspowner <> coalesce(to_regrole('rowhouse_owner')::oid, 0))::integer
      + (select count(*) from ${OWNED_OBJECTS} o
        where o.nspname = n.nspname and o.owner <> coalesce(to_regrole('rowhouse_owner')::oid, 0)) as "foreignOwned",
    array(select distinct o.kind from ${OWNED_OBJECTS} o where o.nspname = n.nspname) as kinds,
    (select pg_get_userbyid(f.owner) from (
        select n.nspowner as owner union all select o.owner from ${OWNED_OBJECTS} o where o.nspname = n.nspname) f
      where f.owner <> coalesce(to_regrole('rowhouse_owner')::oid, 0)
      group by f.owner order by count(*) desc, f.owner limit 1) as "formerOwner"
  from pg_namespace n where n.nspname = any ($1) order by array_position($1, n.nspname)`;

/**
 * Schemas of nothing but extensions that ours look names up in: those of types that our tables have, and those that were open to
 * other roles, as one that holds functions is.
 */
const EXTENSION_SCHEMAS = `
  select quote_ident(x.nspname) as name
  from pg_namespace x
  where x.nspname <> all ($1) and x.nspname !~ '^pg_' and x.nspname not in ('information_schema', 'platform', 'tenant', 'app')
    and exists (select from pg_proc p join pg_depend e on e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e'
      where p.pronamespace = x.oid)
    and not exists (select from pg_class o where o.relnamespace = x.oid and o.relkind in ('r', 'p', 'v', 'm', 'f')
      and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = o.oid and e.deptype = 'e'))
    and not exists (select from pg_proc o where o.pronamespace = x.oid
      and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = o.oid and e.deptype = 'e'))
    and (exists (select from aclexplode(x.nspacl) a left join pg_roles r on r.oid = a.grantee
        where a.grantee <> x.nspowner and a.privilege_type = 'USAGE' and coalesce(r.rolname, '') !~ '^rowhouse_')
      or exists (select from pg_type t join pg_depend d on d.refclassid = 'pg_type'::regclass and d.refobjid = t.oid
        join pg_class c on d.classid = 'pg_class'::regclass and c.oid = d.objid join pg_namespace n on n.oid = c.relnamespace
        where t.typnamespace = x.oid and n.nspname = any ($1)))
  order by 1`;

const SERVER = `
  select current_user::text as user,
    (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
    to_regclass('platform.schemas') is not null as "isMigrated",
    case when exists (select from pg_extension where extname = 'btree_gist') then 'installed'
      when exists (select from pg_available_extensions where name = 'btree_gist') then 'available' else 'missing' end as "btreeGist",
    '{}'::text[] as "extensionSchemas", false as "hasTenant",
    array(select distinct quote_ident(t.pubname) from pg_publication_tables t where t.schemaname = any ($1)) as publications,
    array(select quote_ident(evtname) from pg_event_trigger where evtenabled <> 'D' order by evtname) as "eventTriggers"
  where $1::text[] is not null`;

async function readRegistered(client: DbClient): Promise<Map<string, boolean>> {
  const { rows } = await client.query<{ name: string; served: boolean }>("select name, served from platform.schemas");
  return new Map(rows.map(({ name, served }) => [name, served]));
}

async function hasTenant(client: DbClient, slug: string | null): Promise<boolean> {
  if (slug === null) return false;
  const { rowCount } = await client.query("select from platform.tenants where slug = $1", [slug]);
  return rowCount === 1;
}

/** @param tenant slug of the tenant that is to own the rows */
export async function readServer(
  client: DbClient,
  schemas: readonly string[],
  tenant: string | null,
): Promise<ServerFacts> {
  const [facts] = await readList<ServerFacts>(client, SERVER, schemas);
  const extensions = await readList<{ name: string }>(client, EXTENSION_SCHEMAS, schemas);
  return {
    ...facts!,
    extensionSchemas: extensions.map(({ name }) => name),
    hasTenant: facts!.isMigrated && (await hasTenant(client, tenant)),
  };
}

/** @param served for each schema, whether requests are to find its tables */
export async function readNamespaces(
  client: DbClient,
  served: ReadonlyMap<string, boolean>,
  isMigrated: boolean,
): Promise<NamespaceFacts[]> {
  const found = await readList<NamespaceFacts>(client, NAMESPACES, [...served.keys()]);
  const registered = isMigrated ? await readRegistered(client) : new Map<string, boolean>();
  return found.map((facts) => ({ ...facts, registered: registered.get(facts.name) === served.get(facts.name) }));
}
