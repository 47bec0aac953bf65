import { from as copyFrom } from "pg-copy-streams";
import type { DbClient } from "../db/connections.ts";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { countTable } from "./compare.ts";
import { tableName } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import type { OpenArchive } from "./read.ts";
import type { Session } from "./session.ts";
import type { MatchedTable } from "./shape.ts";

/** Where the rows of one table wait: COPY FROM is refused under row-level security (PostgreSQL manual, COPY, Notes), INSERT is not. */
const STAGE = "pg_temp.rowhouse_stage";

/** SQLSTATE classes of data, constraints, raised exceptions, and of names and rights: the schema's word against the rows. */
const MISFIT = /^(?:22|23|42|44|P0)/;

function misfit(matched: MatchedTable, error: unknown): unknown {
  if (!isDatabaseError(error) || !MISFIT.test(error.code ?? "")) return error;
  return new RowhouseError("archiveSchema", {
    message: `The database refuses the rows of ${tableName(matched.archived)}: ${error.message}`,
    details: [`SQLSTATE ${error.code}`, error.detail, error.where].filter((part) => part !== undefined).join("\n"),
    hint: "Restore with the app's migrations at the version that the archive was taken from. Nothing was written.",
    cause: error,
  });
}

/**
 * Copies the rows of one table into its place, in the importer's transaction and the tenant's context, which gives them their
 * tenant_id. Their ids stay as they are.
 * @throws RowhouseError archiveDamaged, archiveSchema
 */
async function loadTable(
  session: Session,
  archive: OpenArchive,
  { live, archived, columns }: MatchedTable,
  onRows: (rows: number, bytes: number) => void,
): Promise<void> {
  const list = columns.map(({ identifier }) => identifier).join(", ");
  await session.query(
    `create temporary table rowhouse_stage on commit drop as select ${list} from ${live.identifier} with no data`,
  );
  const sink = session.query(copyFrom(`copy ${STAGE} (${list}) from stdin`));
  await archive.readTable(archived, sink, { onChunk: ({ lines, bytes }) => onRows(lines, bytes) });
  await session.query(`insert into ${live.identifier} (${list}) overriding system value select ${list} from ${STAGE}`);
  await session.query(`drop table ${STAGE}`);
}

export async function loadTables(
  session: Session,
  archive: OpenArchive,
  tables: readonly MatchedTable[],
  onProgress: OnProgress | undefined,
): Promise<void> {
  const allRows = tables.reduce((sum, { archived }) => sum + archived.rows, 0);
  for (const matched of tables) {
    const { rows: totalRows, rawBytes: totalBytes } = matched.archived;
    const report = (rows: number, bytes: number, done: boolean) =>
      onProgress?.({
        phase: "load",
        table: tableName(matched.archived),
        rows,
        totalRows,
        bytes,
        totalBytes,
        allRows,
        done,
      });
    try {
      await loadTable(session, archive, matched, (rows, bytes) => report(rows, bytes, false));
    } catch (error) {
      throw misfit(matched, error);
    }
    report(totalRows, totalBytes, true);
  }
}

/** The first table whose rows are not those of the archive, with what differs; null when all are the same. */
export async function findDifference(
  client: DbClient,
  tables: readonly MatchedTable[],
  onProgress?: OnProgress,
): Promise<string | null> {
  for (const { archived, live, columns } of tables) {
    const { table, rows, rowHash } = await countTable(client, live, columns);
    const { rows: totalRows, rawBytes: bytes } = archived;
    onProgress?.({ phase: "compare", table, rows, totalRows, bytes, totalBytes: bytes, allRows: null, done: true });
    if (rows !== archived.rows) return `${table} has ${rows} rows, the archive ${archived.rows}`;
    if (rowHash !== archived.rowHash) return `the rows of ${table} differ from the archive's`;
  }
  return null;
}

/**
 * Counts and hashes what was loaded, independently of how it was loaded, and checks the constraints that were put off.
 * @throws RowhouseError archiveSchema
 */
export async function assertLoaded(
  client: DbClient,
  tables: readonly MatchedTable[],
  onProgress: OnProgress | undefined,
): Promise<void> {
  try {
    await client.query("set constraints all immediate");
  } catch (error) {
    throw isDatabaseError(error)
      ? new RowhouseError("archiveSchema", { message: error.message, details: error.detail, cause: error })
      : error;
  }
  const difference = await findDifference(client, tables, onProgress);
  if (difference === null) return;
  throw new RowhouseError("archiveSchema", {
    message: `After loading, ${difference}`,
    hint: "A trigger or rule of the app changes rows as they are inserted. Nothing was written.",
  });
}
