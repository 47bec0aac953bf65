import type { DbClient } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";

/** A foreign key between two tenant tables. Identifiers are quoted where they must be. */
export interface ForeignKey {
  readonly name: string;
  /** Identifier of the table that refers, as in TenantTable. */
  readonly child: string;
  readonly parent: string;
  /** Pairs of columns, `tenant_id` among them. */
  readonly columns: readonly { readonly child: string; readonly parent: string }[];
}

const KEYS = `
  select k.conname as name, format('%I.%I', cn.nspname, c.relname) as child, format('%I.%I', pn.nspname, p.relname) as parent,
    (select json_agg(json_build_object('child', quote_ident(a.attname), 'parent', quote_ident(b.attname)) order by pair.ord)
      from unnest(k.conkey, k.confkey) with ordinality pair (here, there, ord)
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.here
      join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.there) as columns
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid join pg_namespace cn on cn.oid = c.relnamespace
  join pg_class p on p.oid = k.confrelid join pg_namespace pn on pn.oid = p.relnamespace
  where k.contype = 'f' and k.conparentid = 0 and cn.nspname in (select platform.tenant_schemas()) and not c.relispartition
    and coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true' -- from 18 on a key may be for the eyes only
  order by 2, 1`;

/** Every enforced foreign key of the tenant tables, from the live catalog. */
export async function readForeignKeys(client: DbClient): Promise<ForeignKey[]> {
  const { rows } = await client.query<ForeignKey>(KEYS);
  return rows;
}

/**
 * What keeps the database from checking its rules while triggers are off: constraints that are themselves triggers, other than
 * foreign keys that {@link assertReferences} can check (deferrable unique keys, and keys over periods of PostgreSQL 18).
 */
const UNCHECKED = `
  select from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in (select platform.tenant_schemas())
    and ((k.contype in ('p', 'u', 'x') and k.condeferrable) or (k.contype = 'f' and coalesce(to_jsonb(k) ->> 'conperiod', 'false') = 'true'))
  limit 1`;

/**
 * Turns the app's triggers off for this transaction, foreign keys' among them, so that rows come back as they were. For that the
 * importer was given a setting which only a superuser can give (policies/roles.sql).
 * @returns whether it did; the caller then owes {@link assertReferences}
 */
export async function stillTriggers(client: DbClient): Promise<boolean> {
  const { rows } = await client.query<{ granted: boolean }>(
    "select has_parameter_privilege('session_replication_role', 'set') as granted",
  );
  if (rows[0]?.granted !== true || (await client.query(UNCHECKED)).rowCount !== 0) return false;
  await client.query("set local session_replication_role = 'replica'");
  return true;
}

/** Rows with a null in the key refer to nothing (MATCH SIMPLE); the law lets no key be MATCH FULL with a null, since tenant_id has none. */
export function orphanText({ child, parent, columns }: ForeignKey): string {
  const given = columns.map((pair) => `c.${pair.child} is not null`).join(" and ");
  const equal = columns.map((pair) => `p.${pair.parent} = c.${pair.child}`).join(" and ");
  return `select count(*)::text as orphans from ${child} c where ${given} and not exists (select from ${parent} p where ${equal})`;
}

/**
 * Checks the foreign keys of and to the tables named, for the tenant whose context this is.
 * @param tables identifiers
 * @throws RowhouseError archiveSchema, naming the first key that does not hold
 */
export async function assertReferences(client: DbClient, tables: ReadonlySet<string>): Promise<void> {
  for (const key of await readForeignKeys(client)) {
    if (!tables.has(key.child) && !tables.has(key.parent)) continue;
    const { rows } = await client.query<{ orphans: string }>(orphanText(key));
    const orphans = rows[0]?.orphans ?? "0";
    if (orphans === "0") continue;
    throw new RowhouseError("archiveSchema", {
      message: `${orphans} rows of ${key.child} would refer to rows of ${key.parent} that are not there (${key.name})`,
      details: key.name,
      hint: `Bring those back as well: --only ${key.parent}, or one by one. Nothing was written.`,
    });
  }
}
