import type { DbClient } from "../db/connections.ts";
import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { hashInput } from "./compare.ts";
import { assertReferences } from "./foreign-key.ts";
import {
  assertLoaded,
  checkConstraints,
  columnList,
  createStage,
  eachTable,
  explainMisfit,
  fillStage,
  type StagedTable,
} from "./load.ts";
import { tableName } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import type { OpenArchive } from "./read.ts";
import type { Selection } from "./selection.ts";
import type { Session } from "./session.ts";
import type { MatchedTable, ShapeColumn } from "./shape.ts";

/** What a restore into a living tenant does to one table, or would do. */
export interface TableChange {
  /** `schema.table` */
  readonly table: string;
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
}

/** What of an archive goes into a living tenant, and how. */
export interface MergeWish {
  /** Null for all of it. */
  readonly selection: readonly Selection[] | null;
  /** Whether rows go that the archive does not have; of the tables that come whole. */
  readonly deletes: boolean;
}

/** Columns of the primary key. None where the key is tenant_id alone: then there is one row at most. */
function keyColumns({ live }: MatchedTable): ShapeColumn[] {
  return live.primaryKey.map((name) => live.columns.find((column) => column.name === name)!);
}

function sameKey(matched: MatchedTable): string {
  const pairs = keyColumns(matched).map(({ identifier }) => `s.${identifier} = l.${identifier}`);
  return pairs.length === 0 ? "true" : pairs.join(" and ");
}

/** As {@link hashInput}, and exact: some types have no equality, and others call equal what prints differently. */
function sameContent({ columns }: MatchedTable): string {
  return columns
    .map((column) => `${hashInput(column, "s.")} is not distinct from ${hashInput(column, "l.")}`)
    .join(" and ");
}

function comesWhole({ archived }: MatchedTable, { selection }: MergeWish): boolean {
  return selection === null || selection.some(({ table, keys }) => table === tableName(archived) && keys === null);
}

/** Counts what the stage would change. */
async function planTable(client: DbClient, staged: StagedTable, wish: MergeWish): Promise<TableChange> {
  const { stage, live, archived } = staged;
  const [key, content] = [sameKey(staged), sameContent(staged)];
  const deletes =
    wish.deletes && comesWhole(staged, wish)
      ? `(select count(*) from ${live.identifier} l where not exists (select from ${stage} s where ${key}))`
      : "0";
  const { rows } = await client.query<{ inserts: string; updates: string; deletes: string }>(
    `select (select count(*) from ${stage} s where not exists (select from ${live.identifier} l where ${key}))::text as inserts,
       (select count(*) from ${stage} s join ${live.identifier} l on ${key} where not (${content}))::text as updates,
       ${deletes}::text as deletes`,
  );
  const { inserts, updates, deletes: gone } = rows[0]!;
  return { table: tableName(archived), inserts: Number(inserts), updates: Number(updates), deletes: Number(gone) };
}

/** Keeps of a stage what was asked for. */
async function narrowStage(client: DbClient, staged: StagedTable, selection: readonly Selection[]): Promise<void> {
  const { stage, archived } = staged;
  const keys = selection.find(({ table }) => table === tableName(archived))?.keys ?? null;
  if (keys === null) return;
  const columns = keyColumns(staged);
  const wanted = columns.map(({ identifier, type }, at) => `s.${identifier} = w.k${at}::${type}`).join(" and ");
  const lists = columns.map((_, at) => `$${at + 1}::text[]`).join(", ");
  const names = columns.map((_, at) => `k${at}`).join(", ");
  const values = columns.map((_, at) => keys.map((key) => key[at]!));
  const source = `unnest(${lists}) w (${names})`;
  const text = `select ${names} from ${source} where not exists (select from ${stage} s where ${wanted})`;
  const missing = await client.query<Record<string, string>>(text, values).catch((cause: unknown) => {
    if (!isDatabaseError(cause) || cause.code?.startsWith("22") !== true) throw cause;
    throw new RowhouseError("usage", { message: `No key of ${tableName(archived)}: ${cause.message}`, cause });
  });
  if (missing.rows[0] !== undefined) {
    throw new RowhouseError("rowUnknown", {
      message: `The archive has no row ${Object.values(missing.rows[0]).join(",")} of ${tableName(archived)}`,
      hint: "Nothing was written.",
    });
  }
  await client.query(`delete from ${stage} s where not exists (select from ${source} where ${wanted})`, values);
}

/** Tables that the wish is about. @throws RowhouseError archiveSchema where a row put back would lack what the archive lacks */
export function chooseTables(tables: readonly MatchedTable[], { selection }: MergeWish): MatchedTable[] {
  const chosen = tables.filter(
    ({ archived }) => selection === null || selection.some(({ table }) => table === tableName(archived)),
  );
  for (const { live, columns } of chosen) {
    const lost = live.primaryKey.find((name) => columns.every((column) => column.name !== name));
    if (lost !== undefined) {
      throw new RowhouseError("archiveSchema", {
        message: `The archive has no ${lost} of ${live.identifier}, by which its rows are known here`,
        hint: "Restore beside the tenant with --as. Nothing was written.",
      });
    }
    const extra = live.columns.find((column) => !columns.includes(column));
    if (extra === undefined) continue;
    throw new RowhouseError("archiveSchema", {
      message: `${live.identifier} has the column ${extra.name}, which the archive does not know`,
      hint: "Rows that are put back would lose it. Restore beside the tenant with --as, and bring over what you want.",
    });
  }
  return chosen;
}

/** Makes the stages: the one thing that a transaction which then becomes read-only could not do. */
export async function createStages(session: Session, tables: readonly MatchedTable[]): Promise<StagedTable[]> {
  const stages: StagedTable[] = [];
  for (const [number, matched] of tables.entries()) stages.push(await createStage(session, matched, number));
  return stages;
}

/**
 * Loads the stages with what is wished for. Touches no row of any tenant, and needs no context.
 * @throws RowhouseError archiveDamaged, archiveSchema, rowUnknown, usage
 */
export function fillStages(
  session: Session,
  archive: OpenArchive,
  stages: readonly StagedTable[],
  { selection }: MergeWish,
  onProgress: OnProgress | undefined,
): Promise<void> {
  return eachTable(stages, onProgress, async (staged, _index, onRows) => {
    await fillStage(session, archive, staged, onRows);
    if (selection !== null) await narrowStage(session, staged, selection);
    await session.query(`analyze ${staged.stage}`);
  });
}

/** Counts, table by table, what the stages would change, in the tenant's context. */
export async function planMerge(
  client: DbClient,
  stages: readonly StagedTable[],
  wish: MergeWish,
): Promise<TableChange[]> {
  const changes: TableChange[] = [];
  for (const staged of stages) changes.push(await planTable(client, staged, wish));
  return changes;
}

/** Removes what goes and what changes, then puts in what comes and what changes: a row is never half old. */
async function writeStages(
  client: DbClient,
  stages: readonly StagedTable[],
  wish: MergeWish,
  isStill: boolean,
): Promise<void> {
  for (const staged of stages.toReversed()) {
    const { live, stage } = staged;
    const [key, content] = [sameKey(staged), sameContent(staged)];
    // With triggers on, a row that others refer to can't go and come back: so everything goes, children first.
    const goes =
      wish.selection === null && !isStill
        ? "true"
        : wish.deletes && comesWhole(staged, wish)
          ? `not exists (select from ${stage} s where ${key} and ${content})`
          : `exists (select from ${stage} s where ${key} and not (${content}))`;
    await client.query(`delete from ${live.identifier} l where ${goes}`).catch((error: unknown) => {
      throw explainMisfit(staged, error);
    });
  }
  for (const staged of stages) {
    const [list, { live, stage }] = [columnList(staged), staged];
    const text = `insert into ${live.identifier} (${list}) overriding system value
      select ${list} from ${stage} s where not exists (select from ${live.identifier} l where ${sameKey(staged)})`;
    await client.query(text).catch((error: unknown) => {
      throw explainMisfit(staged, error);
    });
  }
}

async function assertMerged(client: DbClient, stages: readonly StagedTable[], wish: MergeWish): Promise<void> {
  for (const staged of stages) {
    const { table, inserts, updates, deletes } = await planTable(client, staged, wish);
    if (inserts + updates + deletes === 0) continue;
    throw new RowhouseError("archiveSchema", {
      message: `After writing, ${inserts + updates + deletes} rows of ${table} are not those of the archive`,
      hint: "A trigger or rule of the app changes rows as they are written. Nothing was written.",
    });
  }
}

/**
 * Writes what {@link planMerge} counted, and looks whether it is there. In the same transaction, under the tenant's own lock.
 * @param isStill whether the app's triggers are off, see stillTriggers
 * @throws RowhouseError archiveSchema
 */
export async function writeMerge(
  session: Session,
  stages: readonly StagedTable[],
  wish: MergeWish,
  isStill: boolean,
  onProgress: OnProgress | undefined,
): Promise<void> {
  await writeStages(session, stages, wish, isStill);
  await checkConstraints(session);
  if (isStill) await assertReferences(session, new Set(stages.map(({ live }) => live.identifier)));
  if (wish.selection === null) await assertLoaded(session, stages, onProgress);
  else await assertMerged(session, stages, wish);
}
