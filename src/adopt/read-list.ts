import type { DbClient } from "../db/connections.ts";

/** Relations of an extension are its own affair: $1 are the schemas, and `c` a row of pg_class. */
export const NOT_EXTENSIONS = `not exists (select from pg_depend e
    where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`;

/**
 * Who but the owner, superusers and Rowhouse's roles was granted something: the roles that requests may have run as.
 * @param acl entries of the access list: aclexplode() of it
 * @param owner expression of the owner's oid
 */
export function granteesOf(acl: string, owner: string): string {
  return `array(select distinct coalesce(r.rolname, 'public')::text from ${acl} a
    left join pg_roles r on r.oid = a.grantee
    where a.grantee <> ${owner} and (a.grantee = 0 or (r.rolname !~ '^rowhouse_' and not r.rolsuper)) order by 1)`;
}

/** A relation's access list together with those of its columns. */
export const WITH_COLUMNS = `(select * from aclexplode(c.relacl)
    union all select acl.* from pg_attribute g cross join lateral aclexplode(g.attacl) acl where g.attrelid = c.oid)`;

/** Columns that somebody was granted one by one, while the others were kept from everybody. */
export const GRANTED_COLUMNS = `array(select quote_ident(g.attname) from pg_attribute g
    where g.attrelid = c.oid and g.attnum > 0 and exists (select from aclexplode(g.attacl) a where a.privilege_type = 'SELECT')
      and not exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner and a.privilege_type = 'SELECT')
    order by g.attnum)`;

/** Whether an object belongs to another than rowhouse_owner, who may not exist yet. */
export const isStranger = (owner: string) => `(${owner} <> coalesce(to_regrole('rowhouse_owner')::oid, 0))`;

/** Whether a role of requests has one of these privileges by an access list. */
export function isGrantedTo(acl: string, role: "rowhouse_api" | "public", privilege: string): string {
  const grantee =
    role === "public" ? "a.grantee = 0" : `a.grantee = (select oid from pg_roles where rolname = '${role}')`;
  return `exists (select from aclexplode(${acl}) a where ${grantee} and a.privilege_type = '${privilege}')`;
}

/**
 * Rows of a query as values. They travel as one JSON text, so that no type parser of the driver matters.
 * @param query its columns are named as the fields of T; $1 are the names of the schemas
 */
export async function readList<T>(client: DbClient, query: string, schemas: readonly string[]): Promise<T[]> {
  const { rows } = await client.query<{ list: string }>(
    `select coalesce(json_agg(to_json(found)), '[]')::text as list from (${query}) found`,
    [schemas],
  );
  return JSON.parse(rows[0]?.list ?? "[]") as T[];
}
