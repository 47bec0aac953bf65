import { readJson, type CatalogQuery } from "./query.ts";

/** One row of pg_type, with what generated SQL and descriptions say of it. */
export interface FoundType {
  /** Qualified outside pg_catalog, whatever the session's search path. */
  readonly name: string;
  /** As a cast names it, without a length that would cut values. */
  readonly cast: string;
  readonly kind: string;
  readonly category: string;
  /** Of a domain what it stands on, which may be a domain again; otherwise null. */
  readonly base: string | null;
  readonly relation: string | null;
  readonly notNull: boolean;
  readonly defaultSql: string | null;
  readonly maxLength: number | null;
  readonly labels: readonly string[] | null;
  readonly mediaType: string | null;
  readonly toJson: string | null;
  readonly fromJson: string | null;
  readonly fromText: string | null;
}

/** By oid. Those of the system's own tables are left out. */
export type Types = ReadonlyMap<string, FoundType>;

/**
 * `format_type` with -1 rather than null: "character" would be character(1), and cut what it casts. A representation is an implicit
 * cast by function between a domain and json or text (PostgREST, Domain Representations).
 */
const QUERY = `
with types as materialized (
  select t.*, n.nspname, n.nspname = 'pg_catalog' as is_system,
    quote_ident(n.nspname) || '.' || quote_ident(t.typname) as qualified,
    en.nspname as element_schema, e.typname as element_name
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_type e on e.typarray = t.oid
  left join pg_catalog.pg_namespace en on en.oid = e.typnamespace
  where not (n.nspname in ('pg_catalog', 'information_schema', 'pg_toast') and (t.typrelid <> 0 or coalesce(e.typrelid, 0) <> 0))
),
representations as (
  select d.oid,
    max(f.name) filter (where c.castsource = d.oid and c.casttarget = 'pg_catalog.json'::regtype) as to_json,
    max(f.name) filter (where c.casttarget = d.oid and c.castsource = 'pg_catalog.json'::regtype) as from_json,
    max(f.name) filter (where c.casttarget = d.oid and c.castsource = 'pg_catalog.text'::regtype) as from_text
  from pg_catalog.pg_cast c
  join pg_catalog.pg_type d on d.oid in (c.castsource, c.casttarget) and d.typtype = 'd'
  cross join lateral (
    select quote_ident(n.nspname) || '.' || quote_ident(p.proname) as name
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.oid = c.castfunc and pg_catalog.has_function_privilege($1, p.oid, 'execute')
  ) f
  where c.castcontext = 'i' and c.castmethod = 'f'
  group by d.oid
)
select json_agg(json_build_array(t.oid::text, json_build_object(
  'name', case when is_system then pg_catalog.format_type(t.oid, null)
    when element_name is not null then quote_ident(element_schema) || '.' || quote_ident(element_name) || '[]'
    else qualified end,
  'cast', case when is_system then pg_catalog.format_type(t.oid, -1) else qualified end,
  'kind', typtype,
  'category', typcategory,
  'base', nullif(typbasetype, 0)::text,
  'relation', nullif(typrelid, 0)::text,
  'notNull', typnotnull,
  'defaultSql', case when typtype = 'd' then pg_catalog.pg_get_expr(typdefaultbin, 0) end,
  'maxLength', case when typbasetype in ('pg_catalog.varchar'::regtype, 'pg_catalog.bpchar'::regtype) and typtypmod > 4 then typtypmod - 4 end,
  'labels', (select json_agg(enumlabel order by enumsortorder) from pg_catalog.pg_enum where typtype = 'e' and enumtypid = t.oid),
  'mediaType', case when typtype = 'd' and (typname ~ '^[A-Za-z0-9.-]+/[A-Za-z0-9.+-]+$' or typname = '*/*') then lower(typname) end,
  'toJson', r.to_json, 'fromJson', r.from_json, 'fromText', r.from_text
)))::text as found
from types t left join representations r on r.oid = t.oid`;

/**
 * @param role whose right to run a cast's function counts
 * @throws what `query` throws
 */
export async function readTypes(query: CatalogQuery, role: string): Promise<Types> {
  return new Map(await readJson<[string, FoundType][]>(query, QUERY, [role]));
}

const UNKNOWN: FoundType = {
  name: "unknown",
  cast: "text",
  kind: "b",
  category: "X",
  base: null,
  relation: null,
  notNull: false,
  defaultSql: null,
  maxLength: null,
  labels: null,
  mediaType: null,
  toJson: null,
  fromJson: null,
  fromText: null,
};

/** A type and, of a domain, those that it stands on, the last of which is no domain. Never empty. */
export function withBases(types: Types, oid: string): readonly [FoundType, ...FoundType[]] {
  const first = types.get(oid) ?? UNKNOWN; // a type of the system's own tables
  const chain: [FoundType, ...FoundType[]] = [first];
  for (let at = first; at.base !== null;) {
    at = types.get(at.base) ?? UNKNOWN;
    chain.push(at);
  }
  return chain;
}

/** What its values are compared as. */
export function baseOf(types: Types, oid: string): FoundType {
  return withBases(types, oid).at(-1)!;
}
