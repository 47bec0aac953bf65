import type { Served } from "./catalog.ts";
import { readJson, type CatalogQuery } from "./query.ts";

/**
 * Whatever SQL of the app can run within a request: a name of a setting in it is all that is looked for, so that a comment which names
 * one counts, too, and so does a setting whose name is not there to be read. Rowhouse's own and those of extensions don't.
 */
const USE = `
with apps as materialized (
  select n.oid from pg_catalog.pg_namespace n
  where n.nspname not in ('pg_catalog', 'information_schema', 'platform', 'rowhouse', 'tenant') and n.nspname !~ '^pg_'
),
texts (body) as (
  select coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)
  from pg_catalog.pg_proc p join apps on apps.oid = p.pronamespace
  where not exists (
    select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  union all
  select pg_catalog.pg_get_viewdef(c.oid)
  from pg_catalog.pg_class c join apps on apps.oid = c.relnamespace where c.relkind = 'v'
  union all
  select concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_catalog.pg_policy p
  join pg_catalog.pg_class c on c.oid = p.polrelid join apps on apps.oid = c.relnamespace
  where p.polname not in ('tenant_access', 'tenant_floor')
  union all
  select pg_catalog.pg_get_expr(d.adbin, d.adrelid)
  from pg_catalog.pg_attrdef d
  join pg_catalog.pg_class c on c.oid = d.adrelid join apps on apps.oid = c.relnamespace
  union all
  select pg_catalog.pg_get_triggerdef(t.oid)
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_class c on c.oid = t.tgrelid join apps on apps.oid = c.relnamespace
  where t.tgqual is not null
  union all
  select pg_catalog.pg_get_constraintdef(c.oid)
  from pg_catalog.pg_constraint c join apps on apps.oid = c.connamespace where c.contype = 'c'
)
select json_build_object(
  'readsRequest', coalesce(bool_or(body like '%request.%' or body ~* 'current_setting[[:space:]]*[(][[:space:]]*[^''[:space:]]'), false),
  'writesResponse', coalesce(bool_or(body like '%response.%'), false)
)::text as found
from texts`;

/**
 * Whether the app reads what `request.*` tells it, and answers by `response.*`.
 * @throws what `query` throws
 */
export function readSettingsUse(query: CatalogQuery): Promise<Pick<Served, "readsRequest" | "writesResponse">> {
  return readJson(query, USE, []);
}
