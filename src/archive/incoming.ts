import type { ConnectionPool, Database } from "../db/connections.ts";
import { inTransaction } from "../db/transaction.ts";
import type { Manifest } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { openArchive, type ArchiveKeys, type OpenArchive } from "./read.ts";
import type { Signature } from "./sign.ts";
import { applySettings, endAll, translateLoss, type Session } from "./session.ts";
import { matchTables, readShapes, type MatchedTable, type TableShape } from "./shape.ts";
import { upgradeArchive } from "./upgrade.ts";
import { verifyTables } from "./verify.ts";
import { planUpgrade } from "./version.ts";

export interface IncomingOptions {
  readonly keys?: ArchiveKeys;
  /** Folder of the app, whose migrations an older archive goes through; null for the platform alone. */
  readonly appDir?: string | null;
  /** For the audit trail. */
  readonly actor?: string;
  readonly onProgress?: OnProgress;
  /** Ends the work and takes back what it wrote; what is committed by then stays. */
  readonly signal?: AbortSignal;
}

/** What a restore works with: an archive whose every byte was checked, and that is of this database's schema. */
export interface Incoming {
  readonly database: Database;
  /** Of rowhouse_platform. */
  readonly pool: ConnectionPool;
  /** Of rowhouse_importer. */
  readonly session: Session;
  readonly archive: OpenArchive;
  /** Of the file as it was given. */
  readonly manifest: Manifest;
  readonly signature: Signature | null;
  /** Migrations that its rows went through on their way. */
  readonly ran: readonly string[];
  readonly tables: readonly MatchedTable[];
  readonly shapes: readonly TableShape[];
  readonly actor: string;
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

function readLiveShapes(session: Session): Promise<TableShape[]> {
  return inTransaction(session, async () => {
    await applySettings(session);
    return readShapes(session);
  });
}

/** The archive as it is, or, when it is of an older schema, another that went through the migrations it missed. */
async function withCurrent<T>(
  database: Database,
  pool: ConnectionPool,
  given: OpenArchive,
  options: IncomingOptions,
  work: (archive: OpenArchive, ran: readonly string[]) => Promise<T>,
): Promise<T> {
  const upgrade = await planUpgrade(pool, given.manifest.schema, options.appDir ?? null);
  if (upgrade === null) return work(given, []);
  const upgraded = await upgradeArchive(database, given, upgrade, options);
  try {
    return await work(upgraded.archive, upgrade.missed);
  } finally {
    await upgraded.remove();
  }
}

/**
 * Opens an archive, reads it to its end and checks it, brings it to this database's schema, and finds its tables here. Nothing
 * is written to this database before `work` runs.
 * @param locate the database that the rows are for, when it is not the registry's
 * @throws RowhouseError fileMissing, archiveDamaged, archiveVersion, archiveLocked, signatureInvalid, archiveSchema, archiveOlder,
 * archiveNewer, databaseUnavailable; the signal's reason
 */
export async function withIncoming<T>(
  home: Database,
  path: string,
  options: IncomingOptions,
  work: (incoming: Incoming) => Promise<T>,
  locate: (manifest: Manifest) => Promise<Database> = () => Promise.resolve(home),
): Promise<T> {
  const given = await openArchive(path, options.keys);
  try {
    await verifyTables(given, options);
    const database = await locate(given.manifest);
    return await withImporter(database, options.signal, (pool, session) =>
      withCurrent(database, pool, given, options, async (archive, ran) => {
        const shapes = await readLiveShapes(session);
        const tables = matchTables(archive.manifest.tables, shapes);
        const actor = options.actor ?? "platform:restore";
        const { manifest, signature } = given;
        return work({ database, pool, session, archive, manifest, signature, ran, tables, shapes, actor });
      }),
    );
  } catch (error) {
    options.signal?.throwIfAborted();
    throw translateLoss(error);
  } finally {
    await given.close();
  }
}
