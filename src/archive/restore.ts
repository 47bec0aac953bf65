import type { ConnectionPool, Database, DbClient } from "../db/connections.ts";
import { makeScope } from "../db/scope.ts";
import { enterScope, inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { beginImport, dropImport, finishImport } from "../tenant/importing.ts";
import { checkSlug } from "../tenant/slug.ts";
import { TENANT_COLUMNS, type Tenant } from "../tenant/tenant.ts";
import { assertLoaded, findDifference, loadTables } from "./load.ts";
import type { Manifest } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { openArchive, type OpenArchive } from "./read.ts";
import { raiseSequences } from "./sequence.ts";
import { applySettings, endAll, translateLoss, type Session } from "./session.ts";
import { matchTables, readShapes, type MatchedTable, type TableShape } from "./shape.ts";
import { verifyTables } from "./verify.ts";

export interface RestoreOptions {
  /** Slug of the copy, which gets an id of its own; the archive's tenant itself when left out. */
  readonly as?: string;
  /** The archive's when left out. */
  readonly name?: string;
  /** For the audit trail. */
  readonly actor?: string;
  readonly onProgress?: OnProgress;
  /** Ends the work and takes back what it wrote; what is committed by then stays. */
  readonly signal?: AbortSignal;
}

export interface RestoredTenant {
  readonly tenant: Tenant;
  /** False when a tenant of this slug and without rows was there to be filled. */
  readonly created: boolean;
  readonly manifest: Manifest;
  readonly rows: number;
  /** The archive's other addresses, which are not restored: whoever owns them now has to prove it here. */
  readonly domainsLeft: readonly string[];
}

/** What one restore works with. */
interface Work {
  readonly database: Database;
  readonly pool: ConnectionPool;
  readonly session: Session;
  readonly archive: OpenArchive;
  readonly tables: readonly MatchedTable[];
  readonly shapes: readonly TableShape[];
  readonly options: RestoreOptions;
  readonly actor: string;
}

function notEmpty(slug: string, why: string): RowhouseError {
  return new RowhouseError("tenantNotEmpty", {
    message: `The tenant ${slug} has rows already: ${why}`,
    hint: "Restore beside it with --as, or delete it first. Nothing was written.",
  });
}

/** The tenant to fill: the one of this slug, or one that is made now. */
async function findOrBegin({
  database,
  pool,
  archive,
  options,
  actor,
}: Work): Promise<{ tenant: Tenant; created: boolean }> {
  const { tenant: archived } = archive.manifest;
  const slug = options.as ?? archived.slug;
  const { rows } = await pool.query<Tenant>(
    `select ${TENANT_COLUMNS} from platform.tenants t where t.slug = $1 or t.id = $2`,
    [slug, archived.id],
  );
  const found = rows.find((tenant) => tenant.slug === slug);
  if (found !== undefined) return { tenant: found, created: false };
  const renamed = options.as === undefined ? rows[0] : undefined;
  if (renamed !== undefined) {
    throw new RowhouseError("tenantExists", {
      message: `The archive's tenant lives here under the slug ${renamed.slug}`,
      hint: "Restore beside it with --as, or delete it first. Nothing was written.",
    });
  }
  const wanted = { slug, name: options.name ?? archived.name, id: options.as === undefined ? archived.id : undefined };
  return { tenant: await beginImport(pool, database.keyring, wanted, actor), created: true };
}

async function findRows(client: DbClient, shapes: readonly TableShape[]): Promise<string | null> {
  for (const { identifier } of shapes) {
    const { rowCount } = await client.query(`select from ${identifier} limit 1`);
    if (rowCount !== 0) return identifier;
  }
  return null;
}

/**
 * All rows in one transaction, under the tenant's own lock, so that nothing else writes to it meanwhile. Where an earlier run was
 * interrupted between the rows' commit and {@link finishImport}, they are there already, and compared instead.
 */
function fill({ database, session, archive, tables, shapes, options }: Work, tenant: Tenant): Promise<void> {
  const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:restore", role: "owner" };
  return inTransaction(session, async () => {
    await applySettings(session);
    await session.query("select platform.lock_tenant($1)", [tenant.id]);
    await enterScope(session, makeScope(facts, database.keyring), "write");
    const occupied = await findRows(session, shapes);
    if (occupied === null) {
      await loadTables(session, archive, tables, options.onProgress);
      await assertLoaded(session, tables, options.onProgress);
      return;
    }
    if (tenant.status !== "importing") throw notEmpty(tenant.slug, occupied);
    const difference = await findDifference(session, tables, options.onProgress);
    if (difference !== null) throw notEmpty(tenant.slug, `another restore began it, and ${difference}`);
  });
}

async function restore(work: Work): Promise<RestoredTenant> {
  const { database, pool, archive, tables, actor } = work;
  const { manifest } = archive;
  const { tenant, created } = await findOrBegin(work);
  try {
    await fill(work, tenant);
  } catch (error) {
    if (created) await dropImport(pool, database.keyring, tenant, actor).catch(() => {}); // a later run takes it up
    throw error;
  }
  await raiseSequences(database, tables);
  const finished = await finishImport(pool, tenant.id, manifest.tenant.status, actor);
  const domainsLeft = manifest.tenant.domains.map(({ name }) => name).filter((name) => name !== tenant.slug);
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return { tenant: finished, created, manifest, rows, domainsLeft };
}

/** An abort cuts the importer's connection, which rolls back; the platform's stays, to take the tenant back. */
async function withImporter<T>(
  database: Database,
  signal: AbortSignal | undefined,
  work: (pool: ConnectionPool, session: Session) => Promise<T>,
): Promise<T> {
  const session = await database.connect("rowhouse_importer");
  const pool = database.openPool("rowhouse_platform", { max: 1 });
  const cut = () => void endAll([session]);
  signal?.addEventListener("abort", cut, { once: true });
  try {
    signal?.throwIfAborted();
    return await work(pool, session);
  } finally {
    signal?.removeEventListener("abort", cut);
    await Promise.all([session.end(), pool.end()]);
  }
}

async function readLiveShapes(session: Session): Promise<TableShape[]> {
  return inTransaction(session, async () => {
    await applySettings(session);
    return readShapes(session);
  });
}

/**
 * Brings an archive's tenant into this database: as itself (same id, when the id is free), or as another. Everything is checked
 * before the first write. A new tenant is made first, in the status `importing`, in which no request enters; then all its rows
 * come in one transaction, are counted and hashed there and compared with the manifest; then the tenant opens. A failure
 * takes the tenant back; after a crash the same restore, run again, goes on from where it was.
 * @throws RowhouseError fileMissing, archiveDamaged, archiveVersion, archiveSchema, tenantNotEmpty, tenantExists, slugMalformed,
 * slugReserved, domainTaken, databaseUnavailable; the signal's reason
 */
export async function restoreArchive(
  database: Database,
  path: string,
  options: RestoreOptions = {},
): Promise<RestoredTenant> {
  if (options.as !== undefined) checkSlug(options.as);
  const archive = await openArchive(path);
  try {
    await verifyTables(archive, options);
    return await withImporter(database, options.signal, async (pool, session) => {
      const shapes = await readLiveShapes(session);
      const tables = matchTables(archive.manifest.tables, shapes);
      const actor = options.actor ?? "platform:restore";
      return restore({ database, pool, session, archive, tables, shapes, options, actor });
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw translateLoss(error);
  } finally {
    await archive.close();
  }
}
