import { RowhouseError } from "../errors.ts";
import { Batch } from "./batch.ts";
import type { Connections } from "./connections.ts";
import { readMigrations, type MigrationSet } from "./history.ts";
import type { Keyring } from "./keyring.ts";
import { askSchemaVersion } from "./schema-version.ts";
import { enterStatement, makeScope } from "./scope.ts";
import { isDatabaseError, runBatch, translateError } from "./transaction.ts";

/** One reason not to serve. */
export interface Failing {
  /** Stable name of the fact. */
  readonly fact: string;
  readonly problem: string;
  readonly fix: string;
  /** Whether tenants' isolation is in doubt, so that not even a running server may go on. */
  readonly isolation: boolean;
}

export interface ReadinessSources {
  /** As requests run; asked about its own role, whatever that is called. */
  readonly api: Connections;
  readonly platform: Connections;
  readonly keyring: Keyring;
  readonly migrationSets: readonly MigrationSet[];
  /** Function `schema.name` that every request calls first; null for none. */
  readonly preRequest: string | null;
}

interface RoleFacts {
  role: string;
  superuser: boolean;
  bypasses: boolean;
  owned: string[];
  memberships: string[];
}

/** Everything that a role owns has an entry of `deptype` 'o', in this database or shared (PostgreSQL manual 53.50, pg_shdepend). */
const ROLE = `select json_build_object(
    'role', r.rolname, 'superuser', r.rolsuper, 'bypasses', r.rolbypassrls,
    'owned', (select coalesce(json_agg(pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)), '[]')
      from pg_catalog.pg_shdepend d
      where d.refclassid = 'pg_catalog.pg_authid'::regclass and d.refobjid = r.oid and d.deptype = 'o'
        and d.dbid in (0, (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database()))),
    'memberships', (select coalesce(json_agg(m.roleid::regrole::text), '[]') from pg_catalog.pg_auth_members m where m.member = r.oid))
  from pg_catalog.pg_roles r where r.rolname = session_user`;

/** Of the functions of that name: whether one can be called with nothing, and whether the API's role may. */
const PRE_REQUEST = `select json_build_object('exists', count(*) > 0,
    'callable', coalesce(bool_or(has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute')), false))
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname = $1 and p.proname = $2 and p.prokind = 'f' and p.pronargs = p.pronargdefaults`;

const TABLES = "select coalesce(json_agg(t::text), '[]') from platform.unprotected_tables() t";
const ANY_TENANT =
  "select id::text, epoch::text from platform.tenants where status = 'active' and moved_to is null limit 1";

async function readJson<T>(pool: Connections, text: string, values: string[] = []): Promise<T> {
  const [result] = await runBatch(pool, [{ text, values }]);
  return JSON.parse(result?.rows[0]?.[0] ?? "null") as T;
}

const isolation = (fact: string, problem: string, fix: string): Failing => ({ fact, problem, fix, isolation: true });

async function checkRole({ api }: ReadinessSources): Promise<Failing[]> {
  const { role, superuser, bypasses, owned, memberships } = await readJson<RoleFacts>(api, ROLE);
  const failing: Failing[] = [];
  if (superuser) {
    failing.push(
      isolation("api_role_superuser", `The API role ${role} is a superuser`, `alter role ${role} nosuperuser`),
    );
  }
  if (bypasses) {
    failing.push(
      isolation("api_role_bypassrls", `The API role ${role} has BYPASSRLS`, `alter role ${role} nobypassrls`),
    );
  }
  if (owned.length > 0) {
    const fix = "Give it to rowhouse_owner: an owner can switch row-level security off.";
    failing.push(isolation("api_role_owner", `The API role ${role} owns ${owned.join(", ")}`, fix));
  }
  if (memberships.length > 0) {
    const roles = memberships.join(", ");
    failing.push(
      isolation("api_role_member", `The API role ${role} is a member of ${roles}`, `revoke ${roles} from ${role}`),
    );
  }
  return failing;
}

async function checkTables({ platform }: ReadinessSources): Promise<Failing[]> {
  const bare = await readJson<string[]>(platform, TABLES);
  return bare.map((table) =>
    isolation("table_unprotected", `The table ${table} is not protected`, `select platform.protect_table('${table}')`),
  );
}

/**
 * Names alone: a server goes on while a newer one has migrated already, and an edited file is `migrate`'s to refuse. Without one of the
 * platform's own migrations, this code would run on functions and columns that are not there.
 */
async function checkMigrations({ platform, migrationSets }: ReadinessSources): Promise<Failing[]> {
  const applied = await askSchemaVersion(platform);
  const pendingOf = async (set: MigrationSet) =>
    (await readMigrations(set))
      .filter(({ name }) => !applied[set.name].includes(name))
      .map(({ name }) => ({ set, name }));
  const pending = (await Promise.all(migrationSets.map(pendingOf))).flat();
  if (pending.length === 0) return [];
  const problem = `Migrations are pending: ${pending.map(({ name }) => name).join(", ")}`;
  const isPlatforms = pending.some(({ set }) => set.name === "platform");
  return [{ fact: "migrations_pending", problem, fix: "Run `rowhouse migrate`.", isolation: isPlatforms }];
}

const LEAKS = isolation(
  "context_leaks",
  "A tenant's context outlives its transaction",
  "A connection pooler, or a default of the role or database, keeps settings between transactions: connect directly, " +
    "pool by transaction, and look for settings in pg_db_role_setting.",
);
const LOST = isolation(
  "context_lost",
  "A tenant's context does not reach the statement after it",
  "A connection pooler splits transactions: pool by transaction or by session, never by statement.",
);

/**
 * Enters a tenant, commits, and asks for the tenant again on the same connection: that has to be refused. Without an active
 * tenant there is nothing to enter and nothing to serve.
 */
async function checkContext({ api, platform, keyring }: ReadinessSources): Promise<Failing[]> {
  const [found] = await runBatch(platform, [{ text: ANY_TENANT, values: [] }]);
  const [tenantId, epoch] = found?.rows[0] ?? [];
  if (tenantId == null || epoch == null) return [];
  const scope = makeScope({ tenantId, epoch, principal: "platform:readiness", role: "anonymous" }, keyring);
  const ask = { text: "select platform.current_tenant()", values: [] };
  const client = await api.connect();
  try {
    const [, inside] = await client.query(new Batch([enterStatement(scope, "read"), ask])).done;
    if (inside?.rows[0]?.[0] !== tenantId) return [LOST];
    await client.query(new Batch([ask])).done;
    return [LEAKS];
  } catch (error) {
    if (isDatabaseError(error) && error.code === "42501") return [];
    const refusal = translateError(error);
    // It changed between the two questions; the next look finds another one.
    if (
      refusal instanceof RowhouseError &&
      ["tenantSuspended", "tenantUnknown", "tenantMoved", "tenantArriving"].includes(refusal.kind)
    )
      return [];
    throw refusal;
  } finally {
    client.release();
  }
}

/** Until it is there every request is refused by the database, so that isolation is not in doubt. */
async function checkPreRequest({ api, preRequest }: ReadinessSources): Promise<Failing[]> {
  if (preRequest === null) return [];
  const found = await readJson<{ exists: boolean; callable: boolean }>(api, PRE_REQUEST, preRequest.split("."));
  if (found.callable) return [];
  const call = `${preRequest}()`;
  const [problem, fix] = found.exists
    ? [`PRE_REQUEST: the API role may not execute ${call}`, `grant execute on function ${call} to rowhouse_api`]
    : [
        `PRE_REQUEST: there is no function ${call}`,
        "Create it in a migration of the app, taking no arguments, or take PRE_REQUEST out of the configuration.",
      ];
  return [{ fact: "pre_request_missing", problem, fix, isolation: false }];
}

/** What a failed look says: a database without our schema wants a migrate, any other failure is that of the connection. */
function explain(error: unknown): Failing {
  // 3F000 schema, 42P01 table, 42883 function: does not exist.
  if (isDatabaseError(error) && ["3F000", "42P01", "42883"].includes(error.code ?? "")) {
    const problem = "The database has no Rowhouse schema";
    return { fact: "migrations_pending", problem, fix: "Run `rowhouse migrate`.", isolation: true };
  }
  const problem = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  const fix = "Is the database running, and does DATABASE_URL reach it? `rowhouse migrate` sets up the roles.";
  return { fact: "database_unreachable", problem: problem + cause, fix, isolation: true };
}

/**
 * Looks whether the isolation of DESIGN.md "Fail closed" holds and the schema is complete. A look that can't be made counts as
 * failing: what is not known to hold does not hold.
 * @returns what fails; empty when the server may serve
 */
export async function readFailing(sources: ReadinessSources): Promise<Failing[]> {
  const looks = [checkRole, checkTables, checkMigrations, checkContext, checkPreRequest];
  const failing: Failing[] = [];
  for (const look of looks) {
    try {
      failing.push(...(await look(sources)));
    } catch (error) {
      return [...failing, explain(error)];
    }
  }
  return failing;
}
