import { doBlock, literal, type Planned, type Step } from "./step.ts";
import type { AdoptFinding } from "./finding.ts";
import type { NamespaceFacts, Schema } from "./schema.ts";

/** In `kind`: which objects have an owner of their own, and how `alter … owner to` names them when search_path is pg_catalog. */
const OWNED: Readonly<Record<string, string>> = {
  relation: `select format('%s %I.%I', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
        when 'S' then 'sequence' else 'table' end, n.nspname, c.relname), c.relowner, n.nspname, c.tableoid, c.oid
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f')
        or (c.relkind = 'S' and not exists (select from pg_depend d -- one that a column owns follows its table
          where d.classid = c.tableoid and d.objid = c.oid and d.refclassid = c.tableoid and d.deptype in ('a', 'i')))`,
  type: `select format('type %I.%I', n.nspname, t.typname), t.typowner, n.nspname, t.tableoid, t.oid
      from pg_type t join pg_namespace n on n.oid = t.typnamespace
      where t.typtype in ('e', 'd', 'r') or (t.typtype = 'b' and t.typcategory <> 'A')
        or (t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))`,
  routine: `select format('routine %s', p.oid::regprocedure), p.proowner, n.nspname, p.tableoid, p.oid
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace`,
  operator: `select format('operator %s', o.oid::regoperator), o.oprowner, n.nspname, o.tableoid, o.oid
      from pg_operator o join pg_namespace n on n.oid = o.oprnamespace`,
  collation: `select format('collation %I.%I', n.nspname, o.collname), o.collowner, n.nspname, o.tableoid, o.oid
      from pg_collation o join pg_namespace n on n.oid = o.collnamespace`,
  configuration: `select format('text search configuration %I.%I', n.nspname, o.cfgname), o.cfgowner, n.nspname, o.tableoid, o.oid
      from pg_ts_config o join pg_namespace n on n.oid = o.cfgnamespace`,
  dictionary: `select format('text search dictionary %I.%I', n.nspname, o.dictname), o.dictowner, n.nspname, o.tableoid, o.oid
      from pg_ts_dict o join pg_namespace n on n.oid = o.dictnamespace`,
  statistics: `select format('statistics %I.%I', n.nspname, o.stxname), o.stxowner, n.nspname, o.tableoid, o.oid
      from pg_statistic_ext o join pg_namespace n on n.oid = o.stxnamespace`,
};

/** An extension's members are its own affair. */
const ofNoExtension = (query: string) => `select o.object, o.owner, o.nspname from (
      ${query}
    ) o (object, owner, nspname, classid, oid)
    where not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e')`;

/** `kind`, object, owner and nspname of everything, for reading. */
export const OWNED_OBJECTS = `(${Object.entries(OWNED)
  .map(([kind, query]) => `select '${kind}' as kind, object, owner, nspname from (${ofNoExtension(query)}) o`)
  .join(" union all ")})`;

const nameList = (schemas: readonly NamespaceFacts[]) => schemas.map(({ name }) => literal(name)).join(", ");

/** As the user of the connection, who owns what is there: rowhouse_owner can't take it. */
function takeOver(schemas: readonly NamespaceFacts[]): string {
  const kinds = Object.keys(OWNED).filter((kind) => schemas.some((schema) => schema.kinds.includes(kind)));
  const objects = kinds.map((kind) => ofNoExtension(OWNED[kind]!)).join("\n    union all\n    ");
  const takeObjects = `
  for command in
    select format('alter %s owner to rowhouse_owner', owned.object) from (
    ${objects}
    ) owned
    where owned.nspname in (${nameList(schemas)}) and owned.owner <> 'rowhouse_owner'::regrole
  loop
    execute command;
  end loop;`;
  return doBlock(`
declare
  former_path constant text := current_setting('search_path');
  command text;
begin
  set local role none;
  set local search_path to pg_catalog; -- names are printed with their schema
  for command in
    select format('alter schema %I owner to rowhouse_owner', n.nspname) from pg_namespace n
    where n.nspname in (${nameList(schemas)}) and n.nspowner <> 'rowhouse_owner'::regrole
  loop
    execute command;
  end loop;${kinds.length === 0 ? "" : takeObjects}
  perform set_config('search_path', former_path, true);
  set local role rowhouse_owner;
end`);
}

function findStrangers({ schemas, server }: Schema): AdoptFinding[] {
  return schemas
    .filter(({ formerOwner }) => !server.isSuperuser && formerOwner !== null && formerOwner !== server.user)
    .map(({ identifier, formerOwner }) => ({
      level: "error" as const,
      kind: "owner",
      object: `schema ${identifier}`,
      reason: `Most of it belongs to ${formerOwner}, and the migration runs as ${server.user}, who may not give it away.`,
      line: `-- as a superuser: grant ${formerOwner} to ${server.user};`,
    }));
}

/**
 * rowhouse_owner owns whatever an app has: it runs migrations, and the policies bind it. Down leaves it so, since who had it is a
 * member of rowhouse_owner, and an app whose first migration made the schema never had another owner. Pure.
 */
export function planOwners(schema: Schema): Planned {
  const others = schema.schemas.filter(({ foreignOwned }) => foreignOwned > 0);
  if (others.length === 0) return { steps: [], findings: [] };
  const step: Step = {
    title: "Everything belongs to rowhouse_owner, which runs migrations. Whoever had it gives it away, so as that user",
    up: [takeOver(others)],
    down: [],
  };
  return { steps: [step], findings: findStrangers(schema) };
}
