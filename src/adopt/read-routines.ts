import type { DbClient } from "../db/connections.ts";
import { granteesOf, isGrantedTo, isStranger, readList } from "./read-list.ts";
import type { GrantedType, Routine } from "./schema.ts";

/** Without an access list, PUBLIC may execute (acldefault). */
const ACL = "coalesce(p.proacl, acldefault('f', p.proowner))";

/** Keys that are not converted yet, and that the parsed body of a function depends on. */
const HELD_KEYS = `from pg_depend d join pg_constraint k on d.refclassid = 'pg_constraint'::regclass and k.oid = d.refobjid
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid
        and not exists (select from pg_attribute a where a.attrelid = k.conrelid and a.attname = 'tenant_id' and a.attnum = any (k.conkey))`;

const ROUTINES = `
  select p.oid::regprocedure::text as identifier, n.nspname as schema, ${isStranger("p.proowner")} as "isStranger", l.lanname as language,
    p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as "isTrigger",
    p.prosecdef as "isDefiner", p.proleakproof as "isLeakproof", p.provolatile = 'i' as "isImmutable",
    ${isGrantedTo(ACL, "public", "EXECUTE")} as "isPublic",
    ${isGrantedTo(ACL, "rowhouse_api", "EXECUTE")} as "isGranted",
    ${granteesOf(`aclexplode(${ACL})`, "p.proowner")} as grantees,
    case when l.lanname in ('sql', 'plpgsql') then coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) else '' end as source,
    p.prosqlbody is not null as "isParsed", exists (select ${HELD_KEYS}) as "holdsKey",
    (select coalesce(json_agg(array(select a.attname from unnest(k.conkey) key (attnum)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.attnum)), '[]') ${HELD_KEYS} and k.contype = 'p') as "groupsBy",
    case when l.lanname in ('sql', 'plpgsql') and p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) else '' end as definition,
    (select format('%I.%I', rn.nspname, r.relname) from pg_type t
      join pg_class r on r.oid = t.typrelid and r.relkind in ('r', 'p') join pg_namespace rn on rn.oid = r.relnamespace
      where t.oid = p.prorettype and rn.nspname = any ($1)) as "returnsRowsOf",
    p.prorettype = 'record'::regtype and p.proargmodes is null as "returnsRecord",
    coalesce(p.proargmodes && array['t', 'o', 'b']::"char"[], false) as "returnsColumns"
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_language l on l.oid = p.prolang
  where n.nspname = any ($1)
    and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  order by array_position($1, n.nspname), 1`;

/** Types whose use was taken from PUBLIC, who has it at birth. */
const TYPES = `
  select format('%I.%I', n.nspname, t.typname) as identifier
  from pg_type t
  join pg_namespace n on n.oid = t.typnamespace
  where n.nspname = any ($1) and t.typtype in ('e', 'd', 'c', 'r') and t.typacl is not null
    and (t.typtype <> 'c' or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
    and not ${isGrantedTo("t.typacl", "public", "USAGE")}
    and not ${isGrantedTo("t.typacl", "rowhouse_api", "USAGE")}
    and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')
  order by 1`;

export function readRoutines(client: DbClient, schemas: readonly string[]): Promise<Routine[]> {
  return readList(client, ROUTINES, schemas);
}

export function readTypes(client: DbClient, schemas: readonly string[]): Promise<GrantedType[]> {
  return readList(client, TYPES, schemas);
}
