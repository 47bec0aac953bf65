import { parseOrigins } from "../catalog/view.ts";
import type { DbClient } from "../db/connections.ts";
import {
  granteesOf,
  isGrantedTo,
  isStranger,
  NOT_EXTENSIONS,
  readList,
  WITH_COLUMNS,
  GRANTED_COLUMNS,
} from "./read-list.ts";
import { RULES } from "./read-tables.ts";
import type { View } from "./schema.ts";

/** What a view's rule depends on. */
const DEPENDS =
  "from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid where w.ev_class = c.oid";

/** `tgtype & 64` is INSTEAD OF; 4 insert, 16 update, 8 delete (catalog/pg_trigger.h). */
const instead = (bit: number) => `exists (select from pg_trigger t
    where t.tgrelid = c.oid and t.tgtype & 64 = 64 and t.tgtype & ${bit} = ${bit})`;
/** pg_relation_is_updatable() counts 8 insert, 4 update, 16 delete. */
const automatic = (bit: number) => `pg_relation_is_updatable(c.oid, false) & ${bit} = ${bit}`;

/** Views' rules, what the view itself is made of, and its rights are no dependents. */
const DEPENDENTS = `exists (select from pg_depend d
    where (d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid or d.refclassid = 'pg_type'::regclass
        and d.refobjid in (c.reltype, (select t.typarray from pg_type t where t.oid = c.reltype)))
      and d.deptype <> 'i' and d.classid <> 'pg_rewrite'::regclass)`;

const RIGHTS = `array(select format('%s on %I.%I to %s%s', string_agg(a.privilege_type, ', '), n.nspname, c.relname,
      case when a.grantee = 0 then 'public' else a.grantee::regrole::text end, case when a.is_grantable then ' with grant option' end)
    from aclexplode(c.relacl) a where a.grantee <> c.relowner group by a.grantee, a.is_grantable order by 1)`;

const VIEWS = `
  select c.oid::bigint as oid, n.nspname as schema, format('%I.%I', n.nspname, c.relname) as identifier,
    quote_ident(c.relname) as "bareIdentifier", c.relkind = 'm' as "isMaterialized", rtrim(pg_get_viewdef(c.oid, true), ';') as definition,
    array(select option from unnest(c.reloptions) option where option !~ '^security_invoker') as options,
    (select json_agg(json_build_object('identifier', quote_ident(a.attname),
        'type', format_type(a.atttypid, a.atttypmod) || case when a.attcollation <> t.typcollation
          then format(' collate %I.%I', cn.nspname, co.collname) else '' end,
        'comment', col_description(c.oid, a.attnum)) order by a.attnum)
      from pg_attribute a join pg_type t on t.oid = a.atttypid
      left join pg_collation co on co.oid = a.attcollation left join pg_namespace cn on cn.oid = co.collnamespace
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    array_remove(array[
      case when ${automatic(8)} or ${instead(4)} then 'insert' end,
      case when ${automatic(4)} or ${instead(16)} then 'update' end,
      case when ${automatic(16)} or ${instead(8)} then 'delete' end], null) as verbs,
    ${automatic(8)} and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgtype & 64 = 64)
      and not exists (select from pg_rewrite w where w.ev_class = c.oid and w.rulename <> '_RETURN') as "isAutomatic",
    ${DEPENDENTS} as "hasDependents",
    ${RIGHTS} as rights,
    (select w.ev_action::text from pg_rewrite w where w.ev_class = c.oid and w.rulename = '_RETURN') as tree,
    coalesce('security_invoker=true' = any (c.reloptions) or 'security_invoker=on' = any (c.reloptions), false) as "isInvoker",
    ${isStranger("c.relowner")} as "isStranger",
    ${isGrantedTo("c.relacl", "rowhouse_api", "SELECT")} as "isGranted",
    ${isGrantedTo("c.relacl", "public", "SELECT")} as "isPublic",
    ${granteesOf(WITH_COLUMNS, "c.relowner")} as grantees,
    ${GRANTED_COLUMNS} as "grantedColumns",
    (select coalesce(json_agg(array(select a.attname from unnest(k.conkey) key (attnum)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.attnum)), '[]')
      from pg_constraint k where k.contype = 'p'
        and not exists (select from pg_attribute a where a.attrelid = k.conrelid and a.attname = 'tenant_id' and a.attnum = any (k.conkey))
        and k.oid in (select d.refobjid ${DEPENDS} and d.refclassid = 'pg_constraint'::regclass)) as "groupsBy",
    array(select distinct d.refobjid::bigint ${DEPENDS} and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid) as reads,
    array(select distinct format('%I.%I', rn.nspname, r.relname) from pg_class r join pg_namespace rn on rn.oid = r.relnamespace
      where r.relkind in ('r', 'p', 'v', 'm', 'f') and rn.nspname <> all ($1)
        and rn.nspname not in ('pg_catalog', 'information_schema')
        and r.oid in (select d.refobjid ${DEPENDS} and d.refclassid = 'pg_class'::regclass)) as outside,
    ${RULES} as rules,
    (select count(*) from pg_index x where x.indrelid = c.oid) as indexes,
    obj_description(c.oid, 'pg_class') as comment
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1) and c.relkind in ('v', 'm') and ${NOT_EXTENSIONS}
  order by array_position($1, n.nspname), c.relname`;

type FoundView = Omit<View, "base"> & { readonly tree: string };

/** The one relation that columns of the view are, as they are. Those of sub-selects are none of its own. */
function baseOf(tree: string): number | null {
  const relations = new Set([...parseOrigins(tree).values()].map(({ relation }) => Number(relation)));
  const [base] = relations;
  return base === undefined || relations.size > 1 ? null : base;
}

export async function readViews(client: DbClient, schemas: readonly string[]): Promise<View[]> {
  const found = await readList<FoundView>(client, VIEWS, schemas);
  return found.map(({ tree, ...view }) => ({ ...view, base: baseOf(tree) }));
}
