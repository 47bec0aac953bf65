import type { Database } from "../db/connections.ts";
import { makeScope } from "../db/scope.ts";
import { enterScope, inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { locateTenant } from "../tenant/locate.ts";
import { TENANT_COLUMNS, type Tenant } from "../tenant/tenant.ts";
import { stillTriggers } from "./foreign-key.ts";
import { withIncoming, type Incoming, type IncomingOptions } from "./incoming.ts";
import { tableName, type Manifest } from "./manifest.ts";
import {
  chooseTables,
  createStages,
  fillStages,
  planMerge,
  writeMerge,
  type MergeWish,
  type TableChange,
} from "./merge.ts";
import { parseSelection } from "./selection.ts";
import { assertSequences, raiseSequences } from "./sequence.ts";
import { applySettings } from "./session.ts";
import type { Signature } from "./sign.ts";
import type { MatchedTable } from "./shape.ts";
import { dropCredentials, withoutCredentials, withoutTrail } from "./withheld.ts";

export interface ReplaceOptions extends IncomingOptions {
  /** Slug of the tenant to write to; the archive's when left out. */
  readonly as?: string;
  /** `table` or `table:id`; everything when empty. */
  readonly only?: readonly string[];
  /** Rows go that the archive does not have, of the tables that come whole. */
  readonly replace?: boolean;
}

export interface ReplacedTenant {
  /** Null where a dry run found none: all would be new. */
  readonly tenant: Tenant | null;
  readonly manifest: Manifest;
  readonly signature: Signature | null;
  /** Tables of the archive, or of the selection, in the order of loading. */
  readonly changes: readonly TableChange[];
  readonly ran: readonly string[];
}

function wishOf({ archive, shapes, tables }: Incoming, { only = [], replace = false }: ReplaceOptions): MergeWish {
  if (only.length > 0) return { selection: parseSelection(archive.manifest.tables, only), deletes: replace };
  const unknown = shapes.find((shape) => tables.every(({ live }) => live !== shape));
  if (unknown === undefined) return { selection: null, deletes: true };
  throw new RowhouseError("archiveSchema", {
    message: `This database has the table ${unknown.identifier}, which the archive does not know`,
    hint: "Bring back single tables with --only, or restore beside the tenant with --as. Nothing was written.",
  });
}

/**
 * The tables to write: never the audit trail, and into another tenant than the archive's no credentials.
 * @throws RowhouseError usage where nothing else was asked for
 */
function tablesFor({ tables, manifest }: Incoming, tenant: Tenant | null, wish: MergeWish): MatchedTable[] {
  const chosen = chooseTables(tables, wish);
  const isOwn = tenant === null || tenant.id === manifest.tenant.id;
  const written = isOwn ? withoutTrail(chosen) : withoutCredentials(chosen);
  if (wish.selection === null || written.length === chosen.length) return written;
  throw new RowhouseError("usage", {
    message: "Audit events, and another tenant's sessions and keys, can't be brought back",
    hint: "Leave them out of --only. Nothing was written.",
  });
}

async function findTarget({ pool, manifest }: Incoming, { as }: ReplaceOptions): Promise<Tenant | null> {
  const slug = as ?? manifest.tenant.slug;
  const { rows } = await pool.query<Tenant>(`select ${TENANT_COLUMNS} from platform.tenants t where t.slug = $1`, [
    slug,
  ]);
  return rows[0] ?? null;
}

/** @throws RowhouseError tenantUnknown, busy */
async function demandTarget(incoming: Incoming, options: ReplaceOptions): Promise<Tenant> {
  const tenant = await findTarget(incoming, options);
  if (tenant === null) {
    throw new RowhouseError("tenantUnknown", {
      message: `There is no tenant ${options.as ?? incoming.manifest.tenant.slug} to write to`,
      hint: "Leave out --only and --replace to restore the whole tenant. Nothing was written.",
    });
  }
  if (tenant.status === "active" || tenant.status === "suspended") return tenant;
  throw new RowhouseError("busy", {
    message: `The tenant ${tenant.slug} is ${tenant.status}`,
    hint: "Let the restore or the deletion that is at work come to its end first.",
  });
}

/** Finds the database that the tenant lives in; the registry's where there is no such tenant. */
function locator(home: Database, { as }: ReplaceOptions) {
  return async ({ tenant }: Manifest): Promise<Database> => {
    const pool = home.openPool("rowhouse_platform", { max: 1 });
    try {
      return (await locateTenant(home, pool, as ?? tenant.slug)).database;
    } catch (error) {
      if (error instanceof RowhouseError && error.kind === "tenantUnknown") return home;
      throw error;
    } finally {
      await pool.end();
    }
  };
}

function scopeOf({ database }: Incoming, { id, epoch }: Tenant) {
  return makeScope({ tenantId: id, epoch, principal: "platform:restore", role: "owner" }, database.keyring);
}

function answer(
  { signature, manifest, ran }: Incoming,
  tenant: Tenant | null,
  changes: readonly TableChange[],
): ReplacedTenant {
  return { tenant, manifest, signature, changes, ran };
}

async function replace(incoming: Incoming, options: ReplaceOptions): Promise<ReplacedTenant> {
  const { session, archive, actor, database, manifest } = incoming;
  const wish = wishOf(incoming, options);
  const tenant = await demandTarget(incoming, options);
  const chosen = tablesFor(incoming, tenant, wish);
  await assertSequences(database, chosen);
  const changes = await inTransaction(session, async () => {
    await applySettings(session);
    await session.query("select platform.act_as($1)", [actor]);
    const stages = await createStages(session, chosen);
    await fillStages(session, archive, stages, wish, options.onProgress);
    // Only now: the tenant's writers wait for the comparison and the writing, not for the reading of the file.
    await session.query("select platform.lock_tenant($1)", [tenant.id]);
    await enterScope(session, scopeOf(incoming, tenant), "write");
    const planned = await planMerge(session, stages, wish);
    if (wish.selection === null && tenant.id !== manifest.tenant.id) await dropCredentials(session, incoming.tables);
    await writeMerge(session, stages, wish, await stillTriggers(session), options.onProgress);
    const details = { archive: manifest.snapshot.at, only: options.only ?? [], changes: planned };
    await session.query("select platform.record_restore($1)", [JSON.stringify(details)]);
    return planned;
  });
  await raiseSequences(database, chosen);
  return answer(incoming, tenant, changes);
}

/**
 * Writes an archive's rows, or a selection of them, into a tenant that is there: what differs is replaced, what is missing put in,
 * and what the archive does not have removed where that was asked for. In one transaction, under the tenant's own lock: its
 * requests wait meanwhile, and a failure takes all back. The app's triggers don't fire where the server allows it.
 * @throws RowhouseError as restoreArchive, and tenantUnknown, tableUnknown, rowUnknown, usage, busy
 */
export function replaceRows(database: Database, path: string, options: ReplaceOptions): Promise<ReplacedTenant> {
  return withIncoming(database, path, options, (incoming) => replace(incoming, options), locator(database, options));
}

/** Everything is new. */
function planNew({ archive }: Incoming): TableChange[] {
  return archive.manifest.tables.map((table) => ({
    table: tableName(table),
    inserts: table.rows,
    updates: 0,
    deletes: 0,
  }));
}

async function preview(incoming: Incoming, options: ReplaceOptions): Promise<ReplacedTenant> {
  const { session, archive } = incoming;
  const wish = wishOf(incoming, options);
  const tenant = wish.selection === null ? await findTarget(incoming, options) : await demandTarget(incoming, options);
  const chosen = tablesFor(incoming, tenant, wish);
  if (tenant === null) return answer(incoming, null, planNew(incoming));
  const plan = async () => {
    await applySettings(session);
    const stages = await createStages(session, chosen);
    await fillStages(session, archive, stages, wish, options.onProgress);
    await enterScope(session, scopeOf(incoming, tenant), "read");
    return planMerge(session, stages, wish);
  };
  return answer(incoming, tenant, await inTransaction(session, plan, "isolation level repeatable read"));
}

/**
 * What {@link replaceRows} of the same options would change, or restoreArchive where there is no such tenant. It compares in a
 * transaction that is READ ONLY and keeps nobody waiting. What only a write can show, as a violated constraint, it does not see.
 * @throws RowhouseError as {@link replaceRows}
 */
export function previewRestore(database: Database, path: string, options: ReplaceOptions): Promise<ReplacedTenant> {
  return withIncoming(database, path, options, (incoming) => preview(incoming, options), locator(database, options));
}
