import type { Database, DbClient, DbRole } from "../db/connections.ts";
import { makeScope, type Scope } from "../db/scope.ts";
import { readTenantTables } from "../db/tables.ts";
import { enterScope } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { TENANT_COLUMNS, type Tenant } from "../tenant/tenant.ts";
import type { Manifest } from "./manifest.ts";
import { applySettings, endAll, translateLoss, type Session } from "./session.ts";
import { isArchived, readShapes, type TableShape } from "./shape.ts";

/** One tenant at one instant: sessions that all see the same rows, each within the tenant's context. */
export interface Snapshot {
  readonly sessions: readonly Session[];
  readonly tables: readonly TableShape[];
  readonly facts: Pick<Manifest, "postgres" | "tenant" | "snapshot"> & {
    readonly migrations: { platform: string[]; app: string[] };
  };
}

export interface SnapshotOptions {
  /** Connections that read side by side; 2 by default. */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MAX_TRIES = 5;

/**
 * How the rows are read. Without workers, which would take the processors from COPY and from the requests: an export is as wide as
 * its connections. Not compiled, which takes longer than it saves (off by default as of PostgreSQL 19). In the order of the pages,
 * with or without an index: by a bitmap if the planner wants one, whose reads are not random, but never by a key from page to page,
 * which for a key like uuid costs twice as much. Set after the catalog was read.
 */
export const PLANNING = `
  set local max_parallel_workers_per_gather = 0; set local jit = off; set local enable_indexscan = off; set local random_page_cost = 1.1`;

/**
 * Locks the tables, then takes the snapshot: a TRUNCATE or a rewriting ALTER TABLE between the two would show an older snapshot
 * an empty table (PostgreSQL manual, 13.6 Caveats). ACCESS SHARE keeps out nothing but such commands.
 */
async function freeze(lead: Session): Promise<TableShape[]> {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const wanted = (await readTenantTables(lead)).filter(isArchived).map(({ identifier }) => identifier);
    await lead.query("begin isolation level repeatable read read only");
    await applySettings(lead);
    if (wanted.length > 0) await lead.query(`lock table ${wanted.join(", ")} in access share mode`);
    const found = await readShapes(lead);
    if (found.map(({ identifier }) => identifier).join() === wanted.join()) return found;
    await lead.query("rollback");
  }
  throw new RowhouseError("busy", {
    message: "The schema keeps changing",
    hint: "Export again when the migration is over.",
  });
}

/** @throws RowhouseError tableUnprotected where COPY would not be under row-level security, or under more of it than ours */
async function assertSheltered(client: DbClient, tables: readonly TableShape[]): Promise<void> {
  const { rows } = await client.query<{ problem: string }>(
    `select format('the role %s bypasses row-level security', current_user) as problem
       from pg_roles where rolname = current_user and (rolsuper or rolbypassrls)
     union all
     select t || ' is not under row-level security' from unnest($1::text[]) t where not row_security_active(t::regclass)
     union all
     select format('the policy %I of %s may hide rows: declare it "to rowhouse_api"', p.polname, p.polrelid::regclass)
       from pg_policy p
       where p.polrelid = any ($1::text[]::regclass[]) and not p.polpermissive and p.polname <> 'tenant_floor'
         and (p.polroles = '{0}' or (select oid from pg_roles where rolname = current_user) = any (p.polroles))`,
    [tables.map(({ identifier }) => identifier)],
  );
  if (rows.length === 0) return;
  throw new RowhouseError("tableUnprotected", {
    message: `Not exported: ${rows[0]!.problem}`,
    details: rows.map(({ problem }) => problem).join("\n"),
    hint: "Run `rowhouse check`, and `rowhouse migrate` to bring the law back.",
  });
}

interface TenantFacts extends Tenant {
  domains: Manifest["tenant"]["domains"];
  platform: string[];
  app: string[];
}

const TENANT_FACTS = `
  select ${TENANT_COLUMNS},
    (select coalesce(json_agg(json_build_object('name', d.name, 'kind', d.kind, 'verified', d.verified_at is not null) order by d.name), '[]')
      from platform.domains d where d.tenant_id = t.id) as domains,
    array(select name from platform.platform_migrations order by run_on, id)::text[] as platform,
    array(select name from platform.app_migrations order by run_on, id)::text[] as app
  from platform.tenants t where t.slug = $1`;

/** What the control plane says of the tenant, in the same snapshot. */
async function readTenantFacts(client: Session, id: string, slug: string): Promise<TenantFacts> {
  await joinSnapshot(client, id);
  const { rows } = await client.query<TenantFacts>(TENANT_FACTS, [slug]);
  if (rows[0] !== undefined) return rows[0];
  throw new RowhouseError("tenantUnknown", {
    message: `There is no tenant ${slug}`,
    hint: "`rowhouse tenant list` shows them.",
  });
}

async function joinSnapshot(client: DbClient, id: string): Promise<void> {
  if (!/^[0-9A-F-]+$/.test(id)) throw new TypeError(`Not a snapshot's name: ${id}`);
  await client.query("begin isolation level repeatable read read only");
  await client.query(`set transaction snapshot '${id}'`);
}

async function enterSnapshot(session: Session, id: string, scope: Scope): Promise<void> {
  await joinSnapshot(session, id);
  await applySettings(session);
  await enterScope(session, scope, "read");
  await session.query(PLANNING);
}

interface Instant {
  id: string;
  at: string;
  lsn: string;
  postgres: string;
}

/** `at` is the transaction's start: the snapshot holds at least what was committed before it. */
async function exportSnapshot(lead: Session): Promise<Instant> {
  const { rows } = await lead.query<Instant>(
    `select pg_export_snapshot() as id, to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
       (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)::text as lsn,
       split_part(current_setting('server_version'), ' ', 1) as postgres`,
  );
  return rows[0]!;
}

function exportable({ id, slug, name, status, domains, movedTo }: TenantFacts): Manifest["tenant"] {
  if (movedTo !== null) {
    throw new RowhouseError("tenantMoved", {
      message: `The tenant ${slug} lives in the database ${movedTo}`,
      hint: "What is here is what it left behind. `rowhouse export` of the deployment finds it.",
    });
  }
  if (status === "active" || status === "suspended") return { id, slug, name, status, domains };
  throw new RowhouseError("busy", {
    message: `The tenant ${slug} is ${status}`,
    hint:
      status === "importing" ? "Run the restore that fills it again, to its end." : "Export it before it is deleted.",
  });
}

/** @param opened gets every session as it is opened, whatever happens then */
async function openSnapshot(
  database: Database,
  slug: string,
  { concurrency = 2, signal }: SnapshotOptions,
  opened: Session[],
): Promise<Snapshot> {
  const open = async (role: DbRole) => {
    const session = await database.connect(role);
    opened.push(session);
    signal?.throwIfAborted(); // what connected after the abort was not there to be cut
    return session;
  };
  const lead = await open("rowhouse_exporter");
  const tables = await freeze(lead);
  const { id, at, lsn, postgres } = await exportSnapshot(lead);
  const platform = await open("rowhouse_platform");
  const tenant = await readTenantFacts(platform, id, slug);
  await platform.end();
  const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:export", role: "owner" };
  const scope = makeScope(facts, database.keyring);
  await enterScope(lead, scope, "read");
  await assertSheltered(lead, tables);
  await lead.query(PLANNING);
  const sessions = [lead];
  while (sessions.length < concurrency) {
    const session = await open("rowhouse_exporter");
    await enterSnapshot(session, id, scope);
    sessions.push(session);
  }
  const migrations = { platform: tenant.platform, app: tenant.app };
  return { sessions, tables, facts: { postgres, tenant: exportable(tenant), snapshot: { at, lsn }, migrations } };
}

/**
 * Runs `work` on one instant of a tenant, in sessions of rowhouse_exporter that share an exported snapshot, and ends them. An abort
 * cuts off what they run, also while they are being opened.
 * @throws RowhouseError tenantUnknown, tableUnprotected, tableUnfit, busy, databaseUnavailable; the signal's reason
 */
export async function withSnapshot<T>(
  database: Database,
  slug: string,
  options: SnapshotOptions,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  const opened: Session[] = [];
  const cut = () => void endAll(opened);
  signal?.addEventListener("abort", cut, { once: true });
  try {
    signal?.throwIfAborted();
    return await work(await openSnapshot(database, slug, options, opened));
  } catch (error) {
    signal?.throwIfAborted();
    throw translateLoss(error);
  } finally {
    signal?.removeEventListener("abort", cut);
    await endAll(opened);
  }
}
