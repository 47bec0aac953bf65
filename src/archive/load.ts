import { from as copyFrom } from "pg-copy-streams";
import type { DbClient } from "../db/connections.ts";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { countTable, rowHashKind } from "./compare.ts";
import { tableName } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import type { OpenArchive } from "./read.ts";
import type { Session } from "./session.ts";
import type { MatchedTable } from "./shape.ts";

/** A table of the archive, and the temporary table where its rows wait. */
export interface StagedTable extends MatchedTable {
  readonly stage: string;
}

/** SQLSTATE classes of data, constraints, raised exceptions, and of names and rights: the schema's word against the rows. */
const MISFIT = /^(?:22|23|42|44|P0)/;

/** What the database says against rows of this table, as archiveSchema; anything else as it is. */
export function explainMisfit(matched: MatchedTable, error: unknown): unknown {
  if (!isDatabaseError(error) || !MISFIT.test(error.code ?? "")) return error;
  return new RowhouseError("archiveSchema", {
    message: `The database refuses the rows of ${tableName(matched.archived)}: ${error.message}`,
    details: [`SQLSTATE ${error.code}`, error.detail, error.where].filter((part) => part !== undefined).join("\n"),
    hint: "Restore with the app's migrations at the version that the archive was taken from. Nothing was written.",
    cause: error,
  });
}

export function columnList({ columns }: MatchedTable): string {
  return columns.map(({ identifier }) => identifier).join(", ");
}

/**
 * COPY FROM is refused under row-level security (PostgreSQL manual, COPY, Notes), INSERT is not: so rows wait in a temporary table.
 * @param number tells the stages of one transaction apart
 */
export async function createStage(session: Session, matched: MatchedTable, number = 0): Promise<StagedTable> {
  const name = `rowhouse_stage_${number}`;
  await session.query(
    `create temporary table ${name} on commit drop as select ${columnList(matched)} from ${matched.live.identifier} with no data`,
  );
  return { ...matched, stage: `pg_temp.${name}` };
}

/** @throws RowhouseError archiveDamaged */
export async function fillStage(
  session: Session,
  archive: OpenArchive,
  staged: StagedTable,
  onRows: (rows: number, bytes: number) => void,
): Promise<void> {
  const sink = session.query(copyFrom(`copy ${staged.stage} (${columnList(staged)}) from stdin`));
  await archive.readTable(staged.archived, sink, { onChunk: ({ lines, bytes }) => onRows(lines, bytes) });
}

/** Calls `work` for each table, with what it reports to, and says which table it was that the database had a word against. */
export async function eachTable<T extends MatchedTable>(
  tables: readonly T[],
  onProgress: OnProgress | undefined,
  work: (table: T, index: number, onRows: (rows: number, bytes: number) => void) => Promise<void>,
): Promise<void> {
  const allRows = tables.reduce((sum, { archived }) => sum + archived.rows, 0);
  for (const [index, matched] of tables.entries()) {
    const { rows: totalRows, rawBytes: totalBytes } = matched.archived;
    const table = tableName(matched.archived);
    const report = (rows: number, bytes: number, done: boolean) =>
      onProgress?.({ phase: "load", table, rows, totalRows, bytes, totalBytes, allRows, done });
    try {
      await work(matched, index, (rows, bytes) => report(rows, bytes, false));
    } catch (error) {
      throw explainMisfit(matched, error);
    }
    report(totalRows, totalBytes, true);
  }
}

/**
 * Copies the rows of all tables into their places, in the importer's transaction and the tenant's context, which gives them their
 * tenant_id. Their ids stay as they are.
 * @throws RowhouseError archiveDamaged, archiveSchema
 */
export function loadTables(
  session: Session,
  archive: OpenArchive,
  tables: readonly MatchedTable[],
  onProgress: OnProgress | undefined,
): Promise<void> {
  return eachTable(tables, onProgress, async (matched, _index, onRows) => {
    const staged = await createStage(session, matched);
    await fillStage(session, archive, staged, onRows);
    const list = columnList(matched);
    await session.query(
      `insert into ${matched.live.identifier} (${list}) overriding system value select ${list} from ${staged.stage}`,
    );
    await session.query(`drop table ${staged.stage}`);
  });
}

/** The first table whose rows are not those of the archive, with what differs; null when all are the same. */
export async function findDifference(
  client: DbClient,
  tables: readonly MatchedTable[],
  onProgress?: OnProgress,
): Promise<string | null> {
  for (const { archived, live, columns } of tables) {
    const kind = rowHashKind(archived.rowHash);
    const { table, rows, rowHash, maxima } = await countTable(client, live, columns, kind);
    const { rows: totalRows, rawBytes: bytes } = archived;
    onProgress?.({ phase: "compare", table, rows, totalRows, bytes, totalBytes: bytes, allRows: null, done: true });
    if (rows !== archived.rows) return `${table} has ${rows} rows, the archive ${archived.rows}`;
    if (rowHash !== archived.rowHash) return `the rows of ${table} differ from the archive's`;
    const odd = Object.keys(maxima).find((name) => (archived.maxima[name] ?? maxima[name]) !== maxima[name]);
    if (odd !== undefined)
      return `the highest ${odd} of ${table} is ${maxima[odd]}, by the archive ${archived.maxima[odd]}`;
  }
  return null;
}

/**
 * Checks the constraints that were put off.
 * @throws RowhouseError archiveSchema
 */
export async function checkConstraints(client: DbClient): Promise<void> {
  await client.query("set constraints all immediate").catch((error: unknown) => {
    throw isDatabaseError(error)
      ? new RowhouseError("archiveSchema", { message: error.message, details: error.detail, cause: error })
      : error;
  });
}

/**
 * Counts and hashes what was loaded, independently of how it was loaded.
 * @throws RowhouseError archiveSchema
 */
export async function assertLoaded(
  client: DbClient,
  tables: readonly MatchedTable[],
  onProgress: OnProgress | undefined,
): Promise<void> {
  const difference = await findDifference(client, tables, onProgress);
  if (difference === null) return;
  throw new RowhouseError("archiveSchema", {
    message: `After loading, ${difference}`,
    hint: "A trigger or rule of the app changes rows as they are inserted. Nothing was written.",
  });
}
