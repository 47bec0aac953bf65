import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { from as copyFrom } from "pg-copy-streams";
import type { Database } from "../db/connections.ts";
import { sealOf } from "../db/keyring.ts";
import { migrate, migrateTo } from "../db/migrate.ts";
import { inTransaction, isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { exportTenant } from "./export.ts";
import { columnList, eachTable } from "./load.ts";
import type { OnProgress } from "./progress.ts";
import { openArchive, type OpenArchive } from "./read.ts";
import { applySettings, type Session } from "./session.ts";
import { matchTables, readShapes, type MatchedTable } from "./shape.ts";
import type { Upgrade } from "./version.ts";

/*
 * An older archive goes through the very migrations that the database it is restored into has been through: in a database of its
 * own on the same server, which is migrated to the archive's version, given the rows, migrated on, exported, and dropped.
 */

interface UpgradeOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface Upgraded {
  readonly archive: OpenArchive;
  /** Closes it and removes its file. */
  remove(): Promise<void>;
}

const PREFIX = "rowhouse_scratch_";

/** Left by a restore that was killed: nobody is connected, and none that is at work has been for that long. */
const STALE = `
  select d.datname as name from pg_database d
  where d.datname ~ '^${PREFIX}[0-9]+_[0-9a-f]+$' and split_part(d.datname, '_', 3)::bigint < extract(epoch from now()) - 3600
    and not exists (select from pg_stat_activity a where a.datname = d.datname)`;

async function withOwner<T>(database: Database, work: (client: Session) => Promise<T>): Promise<T> {
  const client = await database.connectOwner();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** @throws RowhouseError archiveOlder when the owner may not make a database */
async function createScratch(database: Database): Promise<string> {
  const name = `${PREFIX}${Math.floor(Date.now() / 1000)}_${randomBytes(4).toString("hex")}`;
  await withOwner(database, async (owner) => {
    const { rows } = await owner.query<{ name: string }>(STALE);
    for (const stale of rows) await owner.query(`drop database if exists ${stale.name}`).catch(() => {});
    await owner.query(`create database ${name} template template0 encoding 'UTF8'`).catch((cause: unknown) => {
      if (!isDatabaseError(cause)) throw cause;
      throw new RowhouseError("archiveOlder", {
        message: `The archive is of an older schema, and no database could be made to migrate its rows in: ${cause.message}`,
        hint: "Let the user of DATABASE_URL create databases: alter role … createdb. Or restore on a server where it may, and export there.",
        cause,
      });
    });
  });
  return name;
}

/** As their owner and without row-level security, which this database of one tenant has no use for until the rows are in. */
async function openTables(owner: Session, tenantId: string, tables: readonly MatchedTable[]): Promise<void> {
  const { rows } = await owner.query<{ id: string }>("select quote_literal($1::uuid) as id", [tenantId]);
  for (const { live } of tables) {
    const alter = `alter table ${live.identifier}`;
    await owner.query(`${alter} no force row level security`);
    await owner.query(`${alter} alter column tenant_id set default ${rows[0]!.id}::uuid`);
  }
}

async function closeTables(owner: Session, tables: readonly MatchedTable[]): Promise<void> {
  for (const { live } of tables) {
    await owner.query(`alter table ${live.identifier} force row level security`);
    await owner.query(`alter table ${live.identifier} alter column tenant_id set default platform.current_tenant()`);
  }
}

/** The rows as they are in the archive; where the server allows it, without the app's triggers. */
async function fillScratch(scratch: Database, archive: OpenArchive, options: UpgradeOptions): Promise<void> {
  const { tenant, tables: archived } = archive.manifest;
  await withOwner(scratch, (owner) =>
    inTransaction(owner, async () => {
      await applySettings(owner);
      const may = await owner.query<{ may: boolean }>(
        "select has_parameter_privilege('session_replication_role', 'set') as may",
      );
      if (may.rows[0]?.may === true) await owner.query("set local session_replication_role = 'replica'");
      await owner.query("set local role rowhouse_owner");
      await owner.query("insert into platform.tenants (id, slug, name, seal) values ($1, $2, $3, $4)", [
        tenant.id,
        tenant.slug,
        tenant.name,
        sealOf(scratch.keyring.tenantSecret(tenant.id)),
      ]);
      const tables = matchTables(archived, await readShapes(owner));
      await openTables(owner, tenant.id, tables);
      await eachTable(tables, options.onProgress, async (matched, _index, onRows) => {
        const sink = owner.query(copyFrom(`copy ${matched.live.identifier} (${columnList(matched)}) from stdin`));
        await archive.readTable(matched.archived, sink, {
          signal: options.signal,
          onChunk: ({ lines, bytes }) => onRows(lines, bytes),
        });
      });
      await owner.query("set constraints all immediate");
      await closeTables(owner, tables);
    }),
  );
}

/** Says of a failure on the way which part of the way it was. */
async function onTheWay<T>(step: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isOurs = error instanceof RowhouseError && !["migrationFailed", "archiveSchema"].includes(error.kind);
    if (isOurs || !(error instanceof RowhouseError || isDatabaseError(error))) throw error;
    throw new RowhouseError("archiveOlder", {
      message: `The archive is of an older schema, and ${step}: ${error.message}`,
      details: error instanceof RowhouseError ? (error.details ?? undefined) : error.detail,
      hint: "Nothing was written. Restore it into a deployment of its own version, mend the rows there, and export again.",
      cause: error,
    });
  }
}

/**
 * @returns the archive, of this database's schema
 * @throws RowhouseError archiveOlder, archiveSchema, databaseUnavailable; the signal's reason
 */
export async function upgradeArchive(
  database: Database,
  archive: OpenArchive,
  { appDir, from }: Upgrade,
  options: UpgradeOptions,
): Promise<Upgraded> {
  const name = await createScratch(database);
  const folder = await mkdtemp(join(tmpdir(), "rowhouse-upgrade-"));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const scratch = database.neighbour(name);
    const path = join(folder, "upgraded.rowhouse");
    await onTheWay("its schema could not be built anew", () => migrateTo(scratch, appDir, from));
    options.signal?.throwIfAborted();
    await onTheWay("its rows could not be loaded", () => fillScratch(scratch, archive, options));
    options.signal?.throwIfAborted();
    await onTheWay("its rows could not be migrated", () => migrate(scratch, { appDir }));
    await exportTenant(scratch, archive.manifest.tenant, { path, ...options });
    const upgraded = await openArchive(path);
    const remove = async () => {
      await upgraded.close();
      await removeFolder();
    };
    return { archive: upgraded, remove };
  } catch (error) {
    await removeFolder();
    throw error;
  } finally {
    await withOwner(database, (owner) => owner.query(`drop database if exists ${name} with (force)`));
  }
}
