import { pipeline } from "node:stream/promises";
import type { Writable } from "node:stream";
import { to as copyTo } from "pg-copy-streams";
import type { Database } from "../db/connections.ts";
import { makeScope } from "../db/scope.ts";
import { enterScope } from "../db/transaction.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { countTable } from "./compare.ts";
import { tableName } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { openArchive, type ArchiveKeys } from "./read.ts";
import { applySettings, endAll, translateLoss } from "./session.ts";
import { readShapes, selectText } from "./shape.ts";

/** A table of one of two things that are compared. */
export interface SideTable {
  /** `schema.table` */
  readonly table: string;
  /** In the order of its rows' fields. */
  readonly columns: readonly string[];
  /** Without tenant_id. */
  readonly primaryKey: readonly string[];
  readonly rows: number;
  /** As in a manifest. */
  readonly rowHash: string;
}

/** An archive, or a tenant at one instant. */
export interface Side {
  /** For people: the file's path, or the slug. */
  readonly label: string;
  readonly tenantId: string;
  readonly tables: readonly SideTable[];
  /** Writes the rows as text COPY. As often as wanted; the same rows each time. */
  readTable(table: SideTable, sink: Writable): Promise<void>;
  close(): Promise<void>;
}

export interface SideOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** @throws RowhouseError as openArchive */
export async function openArchiveSide(path: string, keys: ArchiveKeys, { signal }: SideOptions = {}): Promise<Side> {
  const archive = await openArchive(path, keys);
  const byName = new Map(archive.manifest.tables.map((table) => [tableName(table), table]));
  const tables = archive.manifest.tables.map((table) => ({
    table: tableName(table),
    columns: table.columns.map(({ name }) => name),
    primaryKey: table.primaryKey,
    rows: table.rows,
    rowHash: table.rowHash,
  }));
  return {
    label: path,
    tenantId: archive.manifest.tenant.id,
    tables,
    readTable: ({ table }, sink) => archive.readTable(byName.get(table)!, sink, { signal }),
    close: () => archive.close(),
  };
}

/**
 * Opens a tenant as it is now: one transaction of rowhouse_exporter until it is closed. Counts and hashes every table.
 * @throws RowhouseError tenantMoved, exportInconsistent, databaseUnavailable
 */
export async function openTenantSide(
  database: Database,
  tenant: Tenant,
  { onProgress, signal }: SideOptions = {},
): Promise<Side> {
  const session = await database.connect("rowhouse_exporter");
  const cut = () => void endAll([session]);
  signal?.addEventListener("abort", cut, { once: true });
  const close = async () => {
    signal?.removeEventListener("abort", cut);
    await endAll([session]);
  };
  try {
    await session.query("begin isolation level repeatable read read only");
    await applySettings(session);
    const shapes = await readShapes(session);
    const facts = { tenantId: tenant.id, epoch: tenant.epoch, principal: "platform:compare", role: "owner" };
    await enterScope(session, makeScope(facts, database.keyring), "read");
    const tables: SideTable[] = [];
    const texts = new Map<string, string>();
    for (const shape of shapes) {
      const { table, rows, rowHash } = await countTable(session, shape);
      onProgress?.({
        phase: "count",
        table,
        rows,
        totalRows: rows,
        bytes: 0,
        totalBytes: null,
        allRows: null,
        done: true,
      });
      tables.push({
        table,
        rows,
        rowHash,
        columns: shape.columns.map(({ name }) => name),
        primaryKey: shape.primaryKey,
      });
      texts.set(table, `copy (${selectText(shape)}) to stdout`);
    }
    const readTable = (table: SideTable, sink: Writable) =>
      pipeline(session.query(copyTo(texts.get(table.table)!)), sink, { signal });
    return { label: tenant.slug, tenantId: tenant.id, tables, readTable, close };
  } catch (error) {
    await close();
    signal?.throwIfAborted();
    throw translateLoss(error);
  }
}
