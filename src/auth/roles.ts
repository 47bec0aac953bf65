import { ROLE_NAME } from "../db/scope.ts";
import { RowhouseError } from "../errors.ts";
import { statement, type Actor, type Desk } from "./desk.ts";
import { VERBS } from "./api-keys.ts";

/** A table, as the API names it or `*` for every table of the app, and what may be done with it. */
export interface Permission {
  readonly table: string;
  /** `select`, `insert`, `update`, `delete`, or `*`. */
  readonly verbs: readonly string[];
}

/** A membership role of the tenant's own. */
export interface Role {
  readonly name: string;
  readonly description: string | null;
  readonly permissions: readonly Permission[];
  /** How many users have it. */
  readonly users: number;
  /** ISO 8601 */
  readonly createdAt: string;
}

/** What is there besides, the one that may most first; docs/reference/roles.md says what each may do. */
export const BUILT_IN_ROLES: readonly string[] = ["owner", "admin", "manager", "member", "viewer"];
/** Names that stand for who has no membership. */
const TAKEN: ReadonlySet<string> = new Set([...BUILT_IN_ROLES, "anonymous", "service"]);

const ROLE_JSON = `jsonb_build_object('name', r.name, 'description', r.description, 'createdAt', r.created_at,
  'users', (select count(*) from tenant.users u where u.role = r.name),
  'permissions', coalesce((select jsonb_agg(jsonb_build_object('table', p.table_name, 'verbs', p.verbs) order by p.table_name)
    from (select table_name, jsonb_agg(verb order by verb) as verbs from tenant.permissions where role = r.name group by table_name) p), '[]'))`;
const READ = `select ${ROLE_JSON} from tenant.roles r where r.name = $1`;

/** @throws RowhouseError usage, roleExists */
function checkName(name: string): string {
  if (TAKEN.has(name)) {
    throw new RowhouseError("roleExists", {
      message: `${name} is a built-in role`,
      hint: "Its permissions are fixed; call the tenant's own role something else.",
    });
  }
  if (ROLE_NAME.test(name)) return name;
  throw new RowhouseError("usage", {
    message: `${name} is no name of a role`,
    hint: "A lower-case letter, then letters, digits and underscores, as in: till_clerk",
  });
}

/** @throws RowhouseError usage */
function checkVerbs(verbs: readonly string[]): readonly string[] {
  const strange = verbs.find((verb) => !VERBS.includes(verb));
  if (strange === undefined && verbs.length > 0) return verbs.includes("*") ? ["*"] : [...new Set(verbs)];
  throw new RowhouseError("usage", {
    message: strange === undefined ? "No verb is named" : `${strange} is no verb`,
    hint: `Verbs are ${VERBS.join(", ")}.`,
  });
}

function unknown(name: string): RowhouseError {
  const isBuiltIn = TAKEN.has(name);
  return new RowhouseError("roleUnknown", {
    message: isBuiltIn ? `The permissions of the built-in role ${name} are fixed` : `There is no role ${name}`,
    hint: isBuiltIn ? "Make a role of the tenant's own." : "`rowhouse role list` shows them.",
  });
}

function present(rows: unknown[] | undefined, name: string): Role {
  const role = rows?.[0] as Role | undefined;
  if (role === undefined) throw unknown(name);
  return role;
}

/** The tenant's own roles, by name. */
export async function listRoles(desk: Desk, actor: Actor): Promise<Role[]> {
  const [rows] = await desk(actor, "read", [statement(`select ${ROLE_JSON} from tenant.roles r order by r.name`)]);
  return rows as Role[];
}

/** @throws RowhouseError roleUnknown */
export async function findRole(desk: Desk, actor: Actor, name: string): Promise<Role> {
  const [rows] = await desk(actor, "read", [statement(READ, name)]);
  return present(rows, name);
}

/**
 * A role that may do nothing yet.
 * @throws RowhouseError usage, roleExists
 */
export async function createRole(
  desk: Desk,
  actor: Actor,
  { name, description = null }: { readonly name: string; readonly description?: string | null },
): Promise<Role> {
  const [rows] = await desk(actor, "write", [
    statement(
      `insert into tenant.roles as r (name, description) values ($1, $2) on conflict (tenant_id, name) do nothing returning ${ROLE_JSON}`,
      checkName(name),
      description,
    ),
  ]);
  if (rows?.[0] === undefined) throw new RowhouseError("roleExists", { message: `The tenant has a role ${name}` });
  return rows[0] as Role;
}

/** What may be granted on: a name that stands for no table would be a permission that nobody misses until it is. */
const IS_TABLE = `select to_json($1 = '*' or exists (
  select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname in (select platform.app_schemas()) and $1 in (c.relname, n.nspname || '.' || c.relname)))`;

/** @throws RowhouseError tableUnknown */
async function checkTable(desk: Desk, actor: Actor, table: string): Promise<void> {
  const [rows] = await desk(actor, "read", [statement(IS_TABLE, table)]);
  if (rows?.[0] === true) return;
  throw new RowhouseError("tableUnknown", {
    message: `The app has no table ${table}`,
    hint: "As table or schema.table; * stands for every table of the app. Views show what their tables allow.",
  });
}

/**
 * What the role may do from the next request on, besides what it may already.
 * @throws RowhouseError roleUnknown, tableUnknown, usage
 */
export async function grantPermission(
  desk: Desk,
  actor: Actor,
  name: string,
  { table, verbs }: Permission,
): Promise<Role> {
  const given = checkVerbs(verbs);
  await checkTable(desk, actor, table);
  const [, rows] = await desk(actor, "write", [
    statement(
      `insert into tenant.permissions (role, table_name, verb)
       select r.name, $2, v.verb from tenant.roles r, unnest(string_to_array($3, ',')) v (verb) where r.name = $1
       on conflict (tenant_id, role, table_name, verb) do nothing`,
      name,
      table,
      given.join(","),
    ),
    statement(READ, name),
  ]);
  return present(rows, name);
}

/** Before one verb is taken of all: the others stay, each by itself. */
const SPREAD = `insert into tenant.permissions (role, table_name, verb)
  select p.role, p.table_name, v.verb from tenant.permissions p, unnest('{select,insert,update,delete}'::text[]) v (verb)
  where p.role = $1 and p.table_name = $2 and p.verb = '*' and $3 <> '*' on conflict (tenant_id, role, table_name, verb) do nothing`;
const REMOVE = `delete from tenant.permissions p where p.role = $1 and p.table_name = $2
  and ($3 = '*' or p.verb = '*' or p.verb = any (string_to_array($3, ',')))`;

/**
 * What the role may no longer do from the next request on. What it has by another name of the table, or by `*`, it keeps.
 * @throws RowhouseError roleUnknown, usage
 */
export async function revokePermission(
  desk: Desk,
  actor: Actor,
  name: string,
  { table, verbs }: Permission,
): Promise<Role> {
  const taken = checkVerbs(verbs).join(",");
  const [, , rows] = await desk(actor, "write", [
    statement(SPREAD, name, table, taken),
    statement(REMOVE, name, table, taken),
    statement(READ, name),
  ]);
  return present(rows, name);
}

/**
 * With its permissions.
 * @throws RowhouseError roleUnknown; roleInUse while a user or a key has it
 */
export async function deleteRole(desk: Desk, actor: Actor, name: string): Promise<void> {
  const [rows] = await desk(actor, "write", [
    statement("delete from tenant.roles r where r.name = $1 returning to_json(r.name)", name),
  ]);
  if (rows?.[0] === undefined) throw unknown(name);
}
