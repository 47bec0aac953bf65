import { randomUUID } from "node:crypto";
import type { ConnectionPool, Database, DbClient } from "../db/connections.ts";
import { makeScope } from "../db/scope.ts";
import { enterScope, inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { findDatabase, HOME, openEntry } from "../tenant/databases.ts";
import { beginImport, dropEntry, dropImport, finishImport } from "../tenant/importing.ts";
import { checkSlug } from "../tenant/slug.ts";
import { TENANT_COLUMNS, type Tenant } from "../tenant/tenant.ts";
import { assertReferences, stillTriggers } from "./foreign-key.ts";
import { withIncoming, type Incoming, type IncomingOptions } from "./incoming.ts";
import { assertLoaded, checkConstraints, findDifference, loadTables } from "./load.ts";
import type { Manifest } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import type { Signature } from "./sign.ts";
import { assertSequences, raiseSequences } from "./sequence.ts";
import { applySettings } from "./session.ts";
import type { TableShape } from "./shape.ts";
import { withoutCredentials } from "./withheld.ts";

export interface RestoreOptions extends IncomingOptions {
  /** Slug of the copy, which gets an id of its own; the archive's tenant itself when left out. */
  readonly as?: string;
  /** The archive's when left out. */
  readonly name?: string;
  /** Name of the database to live in; the registry's own when left out. */
  readonly place?: string;
  /** What the audit trail calls it: that the tenant was restored, or that it is a clone of the one of this slug. */
  readonly cloneOf?: string;
}

export interface RestoredTenant {
  readonly tenant: Tenant;
  /** False when a tenant of this slug and without rows was there to be filled. */
  readonly created: boolean;
  readonly manifest: Manifest;
  readonly signature: Signature | null;
  readonly rows: number;
  /** Migrations that the rows went through on their way, since the archive is older than this database's schema. */
  readonly ran: readonly string[];
  /** The archive's other addresses, which are not restored: whoever owns them now has to prove it here. */
  readonly domainsLeft: readonly string[];
}

function notEmpty(slug: string, why: string): RowhouseError {
  return new RowhouseError("tenantNotEmpty", {
    message: `The tenant ${slug} has rows already: ${why}`,
    hint: "Restore beside it with --as, or make it what the archive says with --replace; --dry-run shows what that would change. Nothing was written.",
  });
}

/** Where a restore writes: the registry, and, when the rows go to a database of their own, that one. */
interface Target {
  readonly home: ConnectionPool;
  /** Name of the database; null for the registry's own. */
  readonly place: string | null;
}

function exists(message: string): RowhouseError {
  return new RowhouseError("tenantExists", {
    message,
    hint: "Restore beside it with --as, or delete it first. Nothing was written.",
  });
}

/** The registry's entry of the archive's tenant. @throws RowhouseError tenantExists */
async function findEntry({ manifest }: Incoming, { home, place }: Target, as?: string): Promise<Tenant | undefined> {
  const slug = as ?? manifest.tenant.slug;
  const { rows } = await home.query<Tenant>(
    `select ${TENANT_COLUMNS} from platform.tenants t where t.slug = $1 or t.id = $2`,
    [slug, manifest.tenant.id],
  );
  const found = rows.find((tenant) => tenant.slug === slug);
  const renamed = as === undefined ? rows[0] : undefined;
  if (found === undefined && renamed !== undefined)
    throw exists(`The archive's tenant lives here under the slug ${renamed.slug}`);
  if (found !== undefined && found.movedTo !== place)
    throw exists(`The tenant ${slug} lives in the database ${found.movedTo ?? "shared"}`);
  return found;
}

/** Makes the tenant in the database of its own, whose entry the registry has. What an earlier run made is taken up. */
async function beginThere(
  { database, pool, actor }: Incoming,
  wanted: { readonly id: string; readonly slug: string; readonly name: string },
): Promise<Tenant> {
  const { rows } = await pool.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.id = $1`, [
    wanted.id,
  ]);
  if (rows[0]?.movedTo != null)
    throw exists(`${wanted.slug} has lived in this database before, which still notes where it went`);
  return rows[0] ?? beginImport(pool, database.keyring, wanted, actor);
}

/** The tenant to fill: the one of this slug, or one that is made now. */
async function findOrBegin(
  incoming: Incoming,
  target: Target,
  options: RestoreOptions,
): Promise<{ tenant: Tenant; created: boolean }> {
  const { database, manifest, actor } = incoming;
  const { tenant: archived } = manifest;
  const found = await findEntry(incoming, target, options.as);
  const { id, slug, name } = found ?? {
    id: options.as === undefined ? archived.id : randomUUID(),
    slug: options.as ?? archived.slug,
    name: options.name ?? archived.name,
  };
  const created = found === undefined;
  const entry = found ?? (await beginImport(target.home, database.keyring, { id, slug, name }, actor, target.place));
  if (target.place === null) return { tenant: entry, created };
  try {
    return { tenant: await beginThere(incoming, { id, slug, name }), created };
  } catch (error) {
    if (created) await dropEntry(target.home, id, actor).catch(() => {});
    throw error;
  }
}

async function findRows(client: DbClient, shapes: readonly TableShape[]): Promise<string | null> {
  for (const { identifier } of shapes) {
    const { rowCount } = await client.query(`select from ${identifier} limit 1`);
    if (rowCount !== 0) return identifier;
  }
  return null;
}

/** Loads the rows, then checks what was loaded against the manifest and the foreign keys. */
async function fillEmpty({ session, archive, tables }: Incoming, onProgress: OnProgress | undefined): Promise<void> {
  const isStill = await stillTriggers(session);
  await loadTables(session, archive, tables, onProgress);
  await checkConstraints(session);
  if (isStill) await assertReferences(session, new Set(tables.map(({ live }) => live.identifier)));
  await assertLoaded(session, tables, onProgress);
}

/**
 * All rows in one transaction, under the tenant's own lock, so that nothing else writes to it meanwhile. Where an earlier run was
 * interrupted between the rows' commit and {@link finishImport}, they are there already, and compared instead.
 */
function fill(incoming: Incoming, tenant: Tenant, onProgress: OnProgress | undefined): Promise<void> {
  const { database, session, tables, shapes } = incoming;
  const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:restore", role: "owner" };
  return inTransaction(session, async () => {
    await applySettings(session);
    await session.query("select platform.lock_tenant($1)", [tenant.id]);
    await enterScope(session, makeScope(facts, database.keyring), "write");
    const occupied = await findRows(session, shapes);
    if (occupied === null) return fillEmpty(incoming, onProgress);
    if (tenant.status !== "importing") throw notEmpty(tenant.slug, occupied);
    const difference = await findDifference(session, tables, onProgress);
    if (difference !== null) throw notEmpty(tenant.slug, `another restore began it, and ${difference}`);
  });
}

/** Takes back what was begun, as far as it can; a later run takes up the rest. */
async function giveUp({ pool, database, actor }: Incoming, { home, place }: Target, tenant: Tenant): Promise<void> {
  const isGone = await dropImport(pool, database.keyring, tenant, actor).catch(() => false);
  if (isGone && place !== null) await dropEntry(home, tenant.id, actor).catch(() => {});
}

/** Lets requests in: where the rows are, and then by the registry. */
async function open(
  { pool, manifest, actor }: Incoming,
  target: Target,
  id: string,
  cloneOf?: string,
): Promise<Tenant> {
  const { status } = manifest.tenant;
  const opened = await finishImport(pool, id, status, actor, cloneOf);
  return target.place === null ? opened : finishImport(target.home, id, status, actor, cloneOf);
}

async function restore(incoming: Incoming, target: Target, options: RestoreOptions): Promise<RestoredTenant> {
  const { database, manifest, ran, signature } = incoming;
  await assertSequences(database, incoming.tables);
  const { tenant, created } = await findOrBegin(incoming, target, options);
  const tables = tenant.id === manifest.tenant.id ? incoming.tables : withoutCredentials(incoming.tables);
  try {
    await fill({ ...incoming, tables }, tenant, options.onProgress);
  } catch (error) {
    if (created) await giveUp(incoming, target, tenant);
    throw error;
  }
  await raiseSequences(database, tables);
  const finished = await open(incoming, target, tenant.id, options.cloneOf);
  const domainsLeft = manifest.tenant.domains.map(({ name }) => name).filter((name) => name !== tenant.slug);
  const rows = tables.reduce((sum, { archived }) => sum + archived.rows, 0);
  return { tenant: finished, created, manifest, signature, rows, ran, domainsLeft };
}

/**
 * Brings an archive's tenant into this database, or into another of the deployment: as itself (same id, when the id is free), or as
 * another, which gets neither its credentials nor its audit trail. Everything is checked
 * before the first write. A new tenant is made first, in the status `importing`, in which no request enters; then all its rows
 * come in one transaction, are counted and hashed there and compared with the manifest; then the tenant opens. A failure
 * takes the tenant back; after a crash the same restore, run again, goes on from where it was.
 * @throws RowhouseError fileMissing, archiveDamaged, archiveVersion, archiveSchema, archiveOlder, archiveNewer, archiveLocked,
 * signatureInvalid, databaseUnknown, tenantNotEmpty, tenantExists, slugMalformed, slugReserved, domainTaken, databaseUnavailable; the signal's reason
 */
export async function restoreArchive(
  database: Database,
  path: string,
  options: RestoreOptions = {},
): Promise<RestoredTenant> {
  if (options.as !== undefined) checkSlug(options.as);
  const home = database.openPool("rowhouse_platform", { max: 1 });
  try {
    const place = options.place === undefined || options.place === HOME ? null : options.place;
    const there = place === null ? database : openEntry(database, await findDatabase(home, place));
    const work = (incoming: Incoming) => restore(incoming, { home, place }, options);
    return await withIncoming(database, path, options, work, () => Promise.resolve(there));
  } finally {
    await home.end();
  }
}
