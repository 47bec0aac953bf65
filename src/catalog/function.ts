import { readJson, WANTED_SCHEMAS, type CatalogQuery } from "./query.ts";

/** A function or aggregate that the role may run. Types and relations are oids. */
export interface FoundFunction {
  readonly schema: string;
  readonly name: string;
  /** Schema and name, quoted. */
  readonly qualified: string;
  readonly isAggregate: boolean;
  readonly comment: string | null;
  /** Of its inputs alone. */
  readonly inputs: readonly string[];
  /** Of all arguments; null when all are inputs. */
  readonly all: readonly string[] | null;
  /** `i`, `o`, `b` for both, `v` for variadic, `t` for a column of TABLE; null when all are inputs. */
  readonly modes: readonly string[] | null;
  /** Of all arguments; null without any name. */
  readonly names: readonly string[] | null;
  readonly defaults: number;
  readonly volatility: "i" | "s" | "v";
  readonly returns: string;
  readonly isSet: boolean;
  readonly rows: number;
  /** `name=value` of each SET clause. */
  readonly settings: readonly string[];
  /** Whether requests without a token may call it (policies/access.sql, open_function). */
  readonly isOpen: boolean;
}

/**
 * Neither procedures nor what triggers run. Those of an extension are there for SQL to use and not for anybody who has the address:
 * an extension in a served schema must not open it (dblink).
 */
const QUERY = `
with ${WANTED_SCHEMAS}
select coalesce(json_agg(json_build_object(
    'schema', w.nspname,
    'name', p.proname,
    'qualified', format('%I.%I', w.nspname, p.proname),
    'isAggregate', p.prokind = 'a',
    'comment', pg_catalog.obj_description(p.oid, 'pg_proc'),
    'inputs', array(select t::text from unnest(p.proargtypes::oid[]) t),
    'all', case when p.proallargtypes is not null then array(select t::text from unnest(p.proallargtypes) t) end,
    'modes', p.proargmodes,
    'names', p.proargnames,
    'defaults', p.pronargdefaults,
    'volatility', p.provolatile,
    'returns', p.prorettype::text,
    'isSet', p.proretset,
    'rows', p.prorows,
    'settings', coalesce(p.proconfig, '{}'),
    'isOpen', p.oid in (select pg_catalog.to_regprocedure(o.function) from platform.open_functions o)
  ) order by p.proname, p.pronargs, p.oid), '[]')::text as found
from pg_catalog.pg_proc p
join wanted w on w.oid = p.pronamespace
where p.prokind in ('f', 'a')
  and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
  and pg_catalog.has_function_privilege($2, p.oid, 'execute')
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')`;

/**
 * @param role that has to have the right to execute them
 * @throws what `query` throws
 */
export function readFunctions(query: CatalogQuery, schemas: readonly string[], role: string): Promise<FoundFunction[]> {
  return readJson(query, QUERY, [JSON.stringify(schemas), role]);
}
